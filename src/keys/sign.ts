import type { ErrorCode } from '../http/errors.ts'
import { isObject, type JsonObject } from '../matrix/json.ts'
import type { Writer } from '../storage/handles.ts'
import { type CrossSigningKey, crossSigningKeysOf, setCrossSigningKey, setUserSignature } from './cross-signing-keys.ts'
import { deviceKeysOf, findDeviceKeys, setDeviceKeys } from './device-keys.ts'
import type { KeyChanges } from './key-changes.ts'
import { bareText, canonicalText, isSignedBy, readSigned, signaturesBy, toCanonical, withSignatures } from './signed-json.ts'

/** Why a signature was not taken, as the answer tells it. */
export interface SignatureFailure {
  readonly errcode: ErrorCode
  readonly error: string
}

const notFound = (error: string): SignatureFailure => ({ errcode: 'M_NOT_FOUND', error })
const invalid = (error: string): SignatureFailure => ({ errcode: 'M_INVALID_SIGNATURE', error })
const notTheKey: SignatureFailure = { errcode: 'M_INVALID_PARAM', error: 'Not the object that was uploaded' }

/**
 * Adds a user's signature over a key within a write: over an own device by the self-signing key, over the own master key by own devices,
 * over another user's master key by the user-signing key. Undefined: added, or there already.
 * Source: client-server API, `/keys/signatures/upload`.
 */
export function addSignatures(
  tx: Writer,
  changes: KeyChanges,
  userId: string,
  target: string,
  keyId: string,
  value: unknown,
): SignatureFailure | undefined {
  const canonical = toCanonical(value, keyId)
  if ('problem' in canonical) return { errcode: 'M_BAD_JSON', error: canonical.problem }
  const signed = readSigned(canonical.text)
  const master = crossSigningKeysOf(tx, target).get('master')
  if (target !== userId) {
    if (master?.publicKey !== keyId) return notFound('Not the master key of this user')
    return signOther(tx, userId, target, master, signed)
  }
  if (master?.publicKey === keyId) return signOwnMaster(tx, changes, userId, master, signed)
  return signOwnDevice(tx, changes, userId, keyId, signed)
}

function signOwnDevice(
  tx: Writer,
  changes: KeyChanges,
  userId: string,
  deviceId: string,
  signed: JsonObject,
): SignatureFailure | undefined {
  const stored = findDeviceKeys(tx, userId, deviceId)
  if (stored === undefined) return notFound('No device with keys, and not the master key')
  const existing = readSigned(stored)
  if (bareText(existing) !== bareText(signed)) return notTheKey
  const signer = crossSigningKeysOf(tx, userId).get('self_signing')
  if (!signer) return notFound('There is no self-signing key')
  const name = `ed25519:${signer.publicKey}`
  const signature = signaturesBy(signed, userId)[name]
  if (signature === undefined || !isSignedBy(signed, signature, signer.publicKey))
    return invalid('No valid signature by the self-signing key')
  const json = canonicalText(withSignatures(existing, userId, { [name]: signature }))
  if (json === stored) return undefined
  setDeviceKeys(tx, userId, deviceId, json)
  changes.device(tx, userId, deviceId)
  return undefined
}

function signOwnMaster(
  tx: Writer,
  changes: KeyChanges,
  userId: string,
  master: CrossSigningKey,
  signed: JsonObject,
): SignatureFailure | undefined {
  const existing = readSigned(master.json)
  if (bareText(existing) !== bareText(signed)) return notTheKey
  const given = signaturesBy(signed, userId)
  const valid: [string, string][] = []
  for (const { deviceId, json } of deviceKeysOf(tx, userId)) {
    const name = `ed25519:${deviceId}`
    const signature = given[name]
    if (signature === undefined) continue
    const publicKey = publicKeyOf(readSigned(json), name)
    if (publicKey === undefined || !isSignedBy(signed, signature, publicKey))
      return invalid(`The signature by the device ${deviceId} is not valid`)
    valid.push([name, signature])
  }
  if (valid.length === 0) return invalid('No signature by one of your devices')
  const json = canonicalText(withSignatures(existing, userId, Object.fromEntries(valid)))
  if (json === master.json) return undefined
  setCrossSigningKey(tx, userId, { ...master, json })
  changes.crossSigning(tx, userId)
  return undefined
}

function signOther(
  tx: Writer,
  userId: string,
  target: string,
  master: CrossSigningKey,
  signed: JsonObject,
): SignatureFailure | undefined {
  if (bareText(readSigned(master.json)) !== bareText(signed)) return notTheKey
  const signer = crossSigningKeysOf(tx, userId).get('user_signing')
  if (!signer) return notFound('There is no user-signing key')
  const name = `ed25519:${signer.publicKey}`
  const signature = signaturesBy(signed, userId)[name]
  if (signature === undefined || !isSignedBy(signed, signature, signer.publicKey))
    return invalid('No valid signature by the user-signing key')
  setUserSignature(tx, userId, name, target, master.publicKey, signature)
  return undefined
}

function publicKeyOf(deviceKeys: JsonObject, name: string): string | undefined {
  const key = isObject(deviceKeys.keys) && Object.hasOwn(deviceKeys.keys, name) ? deviceKeys.keys[name] : undefined
  return typeof key === 'string' ? key : undefined
}
