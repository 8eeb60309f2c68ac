import { createHash } from 'node:crypto'

const consonants = 'bdfghjklmnprstvz'
const vowels = 'aiou'

/** Sixteen bits as a word of five letters that can be said in any language; source: "Proquints: Readable, Spellable, and Pronounceable Identifiers". */
function wordOf(bits: number): string {
  const consonant = (shift: number) => consonants[(bits >> shift) & 15] ?? ''
  const vowel = (shift: number) => vowels[(bits >> shift) & 3] ?? ''
  return consonant(12) + vowel(10) + consonant(6) + vowel(4) + consonant(0)
}

function bitsOf(word: string): number | undefined {
  if (!/^[bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][aiou][bdfghjklmnprstvz]$/.test(word)) return undefined
  const [first = '', second = '', third = '', fourth = '', fifth = ''] = word
  const high = (consonants.indexOf(first) << 12) | (vowels.indexOf(second) << 10) | (consonants.indexOf(third) << 6)
  return high | (vowels.indexOf(fourth) << 4) | consonants.indexOf(fifth)
}

/** Two bytes of the hash, so that a word that was misread is noticed. */
const checkBits = (bytes: Buffer) => createHash('sha256').update(bytes).digest().readUInt16BE(0)

/** Bytes, an even number of them, as words to write down; the last word checks the others. */
export function toWords(bytes: Buffer): readonly string[] {
  const words = Array.from({ length: bytes.length / 2 }, (_, index) => wordOf(bytes.readUInt16BE(2 * index)))
  return [...words, wordOf(checkBits(bytes))]
}

/** Undefined: a word is misspelled, missing or at a wrong place. */
export function fromWords(text: string): Buffer | undefined {
  const bits = text
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '')
    .map(bitsOf)
  const check = bits.pop()
  if (bits.length === 0 || check === undefined || bits.includes(undefined)) return undefined
  const bytes = Buffer.alloc(2 * bits.length)
  for (const [index, value] of bits.entries()) bytes.writeUInt16BE(value ?? 0, 2 * index)
  return checkBits(bytes) === check ? bytes : undefined
}

/** A passphrase that can be written down and typed: words, 96 bits. */
export function makePassphrase(bytes: Buffer): string {
  return Array.from({ length: 6 }, (_, index) => wordOf(bytes.readUInt16BE(2 * index))).join('-')
}
