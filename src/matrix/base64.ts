/** Base64 as the protocol uses it: appendices, "Unpadded Base64". */

const standard = /^[A-Za-z0-9+/]*$/
const urlSafe = /^[A-Za-z0-9_-]*$/

export function encodeBase64(bytes: Uint8Array): string {
  return unpad(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'))
}

export function encodeBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

/** Bytes of a text in the standard alphabet, with its right padding or none; undefined for everything else. */
export function decodeBase64(text: string): Uint8Array | undefined {
  return decode(text, standard, 'base64')
}

/** The same for the URL-safe alphabet. */
export function decodeBase64Url(text: string): Uint8Array | undefined {
  return decode(text, urlSafe, 'base64url')
}

function decode(text: string, alphabet: RegExp, encoding: 'base64' | 'base64url'): Uint8Array | undefined {
  const bare = text.length % 4 === 0 ? unpad(text) : text
  // Buffer.from skips what it does not know, so the alphabet is checked here.
  if (bare.length % 4 === 1 || !alphabet.test(bare)) return undefined
  return Buffer.from(bare, encoding)
}

function unpad(text: string): string {
  if (text.endsWith('==')) return text.slice(0, -2)
  return text.endsWith('=') ? text.slice(0, -1) : text
}
