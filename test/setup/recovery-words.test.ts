import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromWords, makePassphrase, toWords } from '../../src/setup/recovery-words.ts'

test('known words of the paper', () => {
  // 127.0.0.1 is lusab-babad there.
  expect(toWords(Buffer.from([127, 0, 0, 1])).slice(0, 2)).toEqual(['lusab', 'babad'])
})

test('words lead back to the bytes, however they are typed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 64 }), (array) => {
      const bytes = Buffer.from(array.length % 2 === 0 ? array : array.slice(1))
      if (bytes.length === 0) return
      expect(fromWords(toWords(bytes).join('-').toUpperCase())).toEqual(bytes)
    }),
  )
})

test('a wrong, missing or exchanged word is noticed', () => {
  const words = toWords(Buffer.from('the seed of a signing key is 32.'))
  expect(words).toHaveLength(17)
  expect(fromWords(words.slice(1).join(' '))).toBeUndefined()
  expect(fromWords([words[1], words[0], ...words.slice(2)].join(' '))).toBeUndefined()
  expect(fromWords(['babab', ...words.slice(1)].join(' '))).toBeUndefined()
  expect(fromWords(['wrong', ...words.slice(1)].join(' '))).toBeUndefined()
})

test('a passphrase is long enough for a backup', () => {
  expect(makePassphrase(Buffer.alloc(12, 7))).toMatch(/^([a-z]{5}-){5}[a-z]{5}$/)
})
