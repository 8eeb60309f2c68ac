import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import type { EncryptedFile } from 'matrix-js-sdk/lib/types.js'

const unpadded = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replaceAll('=', '')
const sha256 = (bytes: Uint8Array) => unpadded(createHash('sha256').update(bytes).digest())

/** What a client uploads of a file, and how to read it. Source: client-server API, "Sending encrypted attachments". */
export function encryptAttachment(bytes: Uint8Array): {
  readonly ciphertext: Uint8Array<ArrayBuffer>
  readonly secrets: Omit<EncryptedFile, 'url'>
} {
  const key = randomBytes(32)
  // The lower half counts blocks from 0.
  const iv = Buffer.concat([randomBytes(8), Buffer.alloc(8)])
  const ciphertext = Uint8Array.from(createCipheriv('aes-256-ctr', key, iv).update(bytes))
  return {
    ciphertext,
    secrets: {
      v: 'v2',
      key: { kty: 'oct', alg: 'A256CTR', ext: true, key_ops: ['encrypt', 'decrypt'], k: key.toString('base64url') },
      iv: unpadded(iv),
      hashes: { sha256: sha256(ciphertext) },
    },
  }
}

/** Throws when `ciphertext` is not what was uploaded. */
export function decryptAttachment(ciphertext: Uint8Array, { key, iv, hashes }: EncryptedFile): Uint8Array {
  if (sha256(ciphertext) !== hashes.sha256) throw new Error('the attachment was changed on its way')
  return createDecipheriv('aes-256-ctr', Buffer.from(key.k, 'base64url'), Buffer.from(iv, 'base64')).update(ciphertext)
}
