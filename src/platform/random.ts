import { randomBytes } from 'node:crypto'

/** The only source of randomness. */
export interface Random {
  bytes(length: number): Buffer
}

export const systemRandom: Random = { bytes: (length) => randomBytes(length) }

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** An opaque text of ASCII letters, about 5.7 bits each: safe in every Matrix grammar. */
export function randomLetters(random: Random, length: number): string {
  let text = ''
  while (text.length < length) {
    // 208 = 4 × 52: bytes above would favour the first letters.
    for (const byte of random.bytes(length)) if (byte < 208 && text.length < length) text += letters[byte % 52]
  }
  return text
}

/** A secret of 256 bits in URL-safe base64. */
export function randomSecret(random: Random): string {
  return random.bytes(32).toString('base64url')
}
