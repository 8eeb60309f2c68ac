import { randomBytes } from 'node:crypto'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { createSigner } from '../../src/matrix/signatures.ts'

/** An ed25519 key of a client. */
export interface ClientKey {
  /** Unpadded base64. */
  readonly publicKey: string
  /** A copy of `object` with a signature of `userId` added; `name` is the key's id, its public key unless given. */
  sign(object: JsonObject, userId: string, name?: string): JsonObject
}

export function clientKey(): ClientKey {
  const seed = randomBytes(32)
  const signerOf = (userId: string, keyId: string) =>
    createSigner({ serverName: userId as ServerName, keyId: `ed25519:${keyId}`, seed })
  const { publicKey } = signerOf('x', 'x')
  return {
    publicKey,
    sign(object, userId, name = publicKey) {
      // The signer insists on the key ids of servers; a client's key id is renamed into place.
      const signed = signerOf(userId, 'x').signJson({ ...object, signatures: undefined })
      const signature = (signed.signatures as Record<string, Record<string, string>>)[userId]?.['ed25519:x'] ?? ''
      const others = (object.signatures ?? {}) as Record<string, Record<string, string>>
      return { ...object, signatures: { ...others, [userId]: { ...others[userId], [`ed25519:${name}`]: signature } } }
    },
  }
}

export function deviceKeysOf(userId: string, deviceId: string, key: ClientKey): JsonObject {
  const keys = { [`ed25519:${deviceId}`]: key.publicKey, [`curve25519:${deviceId}`]: 'Y3VydmU' }
  const algorithms = ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2']
  return key.sign({ user_id: userId, device_id: deviceId, algorithms, keys }, userId, deviceId)
}

export function crossSigningKey(userId: string, usage: string, key: ClientKey): JsonObject {
  return { user_id: userId, usage: [usage], keys: { [`ed25519:${key.publicKey}`]: key.publicKey } }
}

/** One-time keys `signed_curve25519:FIRST`… with made-up signatures, which the server does not look at. */
export function oneTimeKeys(userId: string, deviceId: string, first: number, count: number): Record<string, JsonObject> {
  const names = Array.from({ length: count }, (_, index) => first + index)
  return Object.fromEntries(
    names.map((number) => [
      `signed_curve25519:${number}`,
      { key: `key ${number}`, signatures: { [userId]: { [`ed25519:${deviceId}`]: 'c2lnbmF0dXJl' } } },
    ]),
  )
}
