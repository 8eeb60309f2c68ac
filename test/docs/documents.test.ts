import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { settings } from '../../src/config.ts'

const root = resolve(import.meta.dirname, '..', '..')
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
]
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }))

/** What `pattern` finds in the documents but `exists` does not know, as `document: what`. */
function unknown(pattern: RegExp, exists: (found: string, document: string) => boolean): string[] {
  const found = documents.flatMap(({ name, text }) =>
    [...text.matchAll(pattern)].map((match) => ({ name, what: match[1] ?? '' })),
  )
  expect(found.length).toBeGreaterThan(0)
  return found.flatMap(({ name, what }) => (exists(what, name) ? [] : [`${name}: ${what}`]))
}

test('links of the documents lead to files', () => {
  expect(unknown(/\]\((?!https?:)([^)#]+)/g, (link, name) => existsSync(join(root, dirname(name), link)))).toEqual([])
})

test('the files of the repository that documents name are there', () => {
  expect(unknown(/`((?:src|test|scripts)\/[\w./-]+)`/g, (file) => existsSync(join(root, file)))).toEqual([])
})

test('the settings that documents name are there', () => {
  const names: string[] = ['HAUSBOTE_CONFIG', ...Object.values(settings).map(({ environment }) => environment)]
  expect(unknown(/\b(HAUSBOTE_[A-Z_]+)(?==|`)/g, (name) => names.includes(name))).toEqual([])
})

test('the commands that documents name are there', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  expect(unknown(/\bnpm run (?:-s )?([\w:-]+)/g, (name) => Object.hasOwn(scripts, name))).toEqual([])
})
