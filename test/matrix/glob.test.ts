import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileGlob, compileWordGlob } from '../../src/matrix/glob.ts'

// Few letters, so that patterns and texts meet often.
const pattern = fc.string({ unit: fc.constantFrom('a', 'b', 'B', '-', '_', '.', '*', '?', '😀'), maxLength: 7 })
const text = fc.string({ unit: fc.constantFrom('a', 'A', 'b', '-', '_', '.', '\n', '😀'), maxLength: 9 })

/** What the matcher must say, through a regular expression. */
function expressionOf(glob: string): string {
  return glob.toLowerCase().replace(/[.*?]/g, (character) => ({ '.': '[.]', '*': '.*', '?': '.' })[character] ?? '')
}

test('a glob is the regular expression that it stands for', () => {
  fc.assert(
    fc.property(pattern, text, (glob, candidate) => {
      const expected = new RegExp(`^${expressionOf(glob)}$`, 'su').test(candidate.toLowerCase())
      expect(compileGlob(glob)(candidate)).toBe(expected)
    }),
    { numRuns: 3_000 },
  )
})

test('a word glob is that between word boundaries', () => {
  const boundary = '(?:^|$|(?<![a-z0-9_])|(?![a-z0-9_]))'
  fc.assert(
    fc.property(pattern, text, (glob, candidate) => {
      const expression = new RegExp(`${boundary}${expressionOf(glob)}${boundary}`, 'su')
      expect(compileWordGlob(glob)(candidate)).toBe(expression.test(candidate.toLowerCase()))
    }),
    { numRuns: 3_000 },
  )
})

test('taken literally, a pattern without wildcards means the same', () => {
  fc.assert(
    fc.property(text, text, (word, body) => {
      expect(compileWordGlob(word, true)(body)).toBe(compileWordGlob(word)(body))
    }),
  )
})
