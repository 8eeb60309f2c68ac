import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { languages, preferredLanguage, texts, translator } from '../../src/setup/texts.ts'

const folder = join(import.meta.dirname, '../../src/setup')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
const sources = files
  .filter((name) => !name.startsWith('texts'))
  .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }))
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).toSorted()

test('every text is there in all languages, with the same values in it', () => {
  expect(Object.keys(texts).length).toBeGreaterThan(200)
  for (const [key, pair] of Object.entries(texts)) {
    expect(Object.keys(pair).toSorted(), key).toEqual([...languages].toSorted())
    for (const language of languages) expect(pair[language].trim(), key).not.toBe('')
    expect(placeholders(pair.en), key).toEqual(placeholders(pair.de))
  }
})

test('no key stands in two files of the catalogue', () => {
  const keys = files
    .filter((name) => name.startsWith('texts/'))
    .flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/^ {2}'([\w.-]+)': \{/gm)].map((match) => match[1]))
  expect(keys.length).toBe(new Set(keys).size)
  expect(new Set(keys)).toEqual(new Set(Object.keys(texts)))
})

test('every text is used', () => {
  const all = sources.map(({ text }) => text).join('\n')
  const unused = Object.keys(texts).filter((key) => {
    const made =
      /^(role|room|audit|check|found|job|wizard|farewell|backup\.step|restore\.step|frame\.|light\.messages|light\.backup|reach\.)/.test(
        key,
      )
    return !made && !all.includes(`'${key}'`)
  })
  expect(unused).toEqual([])
})

/** The literal parts of the templates of a source, without what is put into them. */
function literals(source: string): string[] {
  const found: string[] = []
  /** Reads a template from behind its opening backtick; the place behind the closing one. */
  function template(from: number, marked: boolean): number {
    let literal = ''
    let at = from
    while (at < source.length && source[at] !== '`') {
      if (source.startsWith('${', at)) at = code(at + 2, '}')
      else literal += source[at++]
    }
    if (marked) found.push(literal)
    return at + 1
  }
  /** Reads code up to `end`; the place behind it. */
  function code(from: number, end: string): number {
    let at = from
    while (at < source.length && source[at] !== end) {
      if (source[at] === '`') at = template(at + 1, source.slice(0, at).endsWith('html'))
      else if (source[at] === '{') at = code(at + 1, '}')
      else if (source[at] === "'" || source[at] === '"')
        at += /^(["'])(?:\\.|(?!\1)[^\\\n])*\1|^./.exec(source.slice(at, at + 2000))?.[0].length ?? 1
      else if (source.startsWith('//', at) || source.startsWith('/*', at))
        at = source.startsWith('//', at) ? source.indexOf('\n', at) : source.indexOf('*/', at) + 2
      else at += 1
    }
    return at + 1
  }
  code(0, '\0')
  return found
}

test('no page has texts of its own', () => {
  const templates = sources.flatMap(({ name, text }) => literals(text).map((literal) => ({ name, literal })))
  expect(templates.length).toBeGreaterThan(120)
  const spoken = templates.flatMap(({ name, literal }) => {
    // Parts of tags stand in templates of their own, too.
    const plain = literal
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/^[^<]*>|<[^>]*$/g, ' ')
      .replaceAll(/ ?[a-z-]+="[^"]*"?/g, ' ')
    const words = /\p{L}{3,}/u.exec(plain.replaceAll(/ (required|autofocus|checked|disabled|selected|open)\b/g, ''))
    return words ? [`${name}: ${literal.slice(0, 80)}`] : []
  })
  expect(spoken).toEqual([])
})

test('the search for texts of a page finds them', () => {
  expect(literals(`const a = html\`<p>\${x ? html\`<b>Hi</b>\` : ''}</p>\``)).toEqual(['<b>Hi</b>', '<p></p>'])
})

test('German speaks with "Sie", and neither language uses words of the trade where people have their own', () => {
  for (const [key, { de, en }] of Object.entries(texts)) {
    expect(/\b(du|dein|deine|dir|dich)\b/i.exec(de), `${key}: ${de}`).toBeNull()
    const trade = /\b(token|federation|föderation|user id|endpoint|backend|deaktivier\w+)\b/i
    expect(trade.exec(`${de} ${en}`), `${key}`).toBeNull()
  }
})

test.each([
  ['de-DE,de;q=0.9,en;q=0.8', 'de'],
  ['de', 'de'],
  ['en-US,en;q=0.9,de;q=0.5', 'en'],
  ['fr,de;q=0.4,en;q=0.3', 'de'],
  ['fr', 'en'],
  ['de;q=0, en;q=0.1', 'en'],
  [undefined, 'en'],
])('a browser that asks for %s gets %s', (header, language) => {
  expect(preferredLanguage(header)).toBe(language)
})

test('a text whose value is missing is a fault, not a page with a gap', () => {
  expect(() => translator('de')('claim.locked')).toThrow('minutes')
})
