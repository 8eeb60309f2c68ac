import type { KeyObject } from 'node:crypto'
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import * as ed25519 from '@noble/ed25519'
import { decodeBase64, encodeBase64, encodeBase64Url } from './base64.ts'
import { type CanonicalProfile, canonicalJson, checkCanonical } from './canonical-json.ts'
import { protectedText } from './hashes.ts'
import type { ServerName } from './identifiers.ts'
import type { JsonObject } from './json.ts'
import { isObject } from './json.ts'
import type { RoomVersion } from './room-versions.ts'

ed25519.hashes.sha512 = (message) => createHash('sha512').update(message).digest()

/** A server's signing key at work. */
export interface Signer {
  readonly serverName: ServerName
  /** `ed25519:VERSION`. */
  readonly keyId: string
  /** Unpadded base64. */
  readonly publicKey: string
  /**
   * A copy with this server's signature added: appendices, "Signing JSON". `unsigned` is not covered. `profile`: `lenient` for what carries events
   * of room versions that knew floats and larger numbers.
   * @throws CanonicalJsonError
   */
  signJson(object: JsonObject, profile?: CanonicalProfile): JsonObject
  /**
   * A copy with this server's signature over the redacted event. Add the content hash first (`withContentHash`): it is covered.
   * @throws CanonicalJsonError
   */
  signEvent(raw: JsonObject, version: RoomVersion): JsonObject
}

export interface SignerOptions {
  readonly serverName: ServerName
  readonly keyId: string
  /** 32 bytes. */
  readonly seed: Uint8Array
}

/** A signer; its private key lives inside a key object and is never given out. */
export function createSigner({ serverName, keyId, seed }: SignerOptions): Signer {
  if (!/^ed25519:[A-Za-z0-9_]+$/.test(keyId)) throw new RangeError(`key id ${keyId}: must be ed25519: and letters, digits, _`)
  if (seed.length !== 32) throw new RangeError(`signing key: the seed must have 32 bytes, not ${seed.length}`)
  const publicBytes = ed25519.getPublicKey(Uint8Array.from(seed))
  const privateKey = createPrivateKey({
    key: { kty: 'OKP', crv: 'Ed25519', d: encodeBase64Url(seed), x: encodeBase64Url(publicBytes) },
    format: 'jwk',
  })
  const signed = (object: JsonObject, text: string): JsonObject => {
    const signature = encodeBase64(sign(null, Buffer.from(text), privateKey))
    const others = isObject(object.signatures) ? object.signatures : {}
    const own = others[serverName]
    return { ...object, signatures: { ...others, [serverName]: { ...(isObject(own) ? own : {}), [keyId]: signature } } }
  }
  return {
    serverName,
    keyId,
    publicKey: encodeBase64(publicBytes),
    signJson: (object, profile) => signed(object, canonicalJson(withoutSignatures(object), profile)),
    signEvent: (raw, version) => signed(raw, protectedText(raw, version)),
  }
}

/** A public key that has been vetted. */
export interface VerifyKey {
  /** Unpadded base64. */
  readonly publicKey: string
  readonly keyObject: KeyObject
}

/** Keys whose private half is public knowledge. CVE-2026-24044: a Helm chart shipped one and the same signing key to everybody. */
const leakedKeys: ReadonlySet<string> = new Set(['l/O9hxMVKB6Lg+3Hqf0FQQZhVESQcMzbPN1Cz2nM3og'])

/**
 * Vets a public key once, when it enters a key ring. Verifiers disagree about keys that are not canonically encoded or of small
 * order (anything verifies under some of them), so two servers could disagree about an event.
 */
export function importVerifyKey(unpaddedBase64: string): VerifyKey | { readonly problem: string } {
  const bytes = decodeBase64(unpaddedBase64)
  if (bytes?.length !== 32) return { problem: 'an ed25519 key must be 32 bytes in unpadded base64' }
  const publicKey = encodeBase64(bytes)
  if (leakedKeys.has(publicKey)) return { problem: 'the private half of this key is public knowledge (CVE-2026-24044)' }
  const point = decodePoint(bytes)
  if (!point) return { problem: 'not the canonical encoding of a point of ed25519' }
  if (point.isSmallOrder()) return { problem: 'a key of small order' }
  return {
    publicKey,
    keyObject: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: encodeBase64Url(bytes) }, format: 'jwk' }),
  }
}

function decodePoint(bytes: Uint8Array): ed25519.Point | undefined {
  try {
    return ed25519.Point.fromBytes(Uint8Array.from(bytes), false)
  } catch {
    // The library says "no such point" only by throwing.
    return undefined
  }
}

/** Whether the signature over JSON that is no event holds: `signatures` and `unsigned` are not covered. */
export function verifySignedJson(object: JsonObject, signatureBase64: string, key: VerifyKey): boolean {
  const covered = withoutSignatures(object)
  return checkCanonical(covered) === undefined && verifyText(canonicalJson(covered), signatureBase64, key)
}

/** Whether the signature over a text holds. */
export function verifyText(text: string, signatureBase64: string, key: VerifyKey): boolean {
  const signature = decodeBase64(signatureBase64)
  return signature?.length === 64 && verify(null, Buffer.from(text), key.keyObject, signature)
}

function withoutSignatures(object: JsonObject): JsonObject {
  const { signatures: _signatures, unsigned: _unsigned, ...covered } = object
  return covered
}
