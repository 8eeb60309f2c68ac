import type { Session } from '../http/endpoint.ts'
import { badJson, forbidden, invalidParam, tooLarge } from '../http/errors.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Writer } from '../storage/handles.ts'
import { isCrossSigningKey } from './cross-signing-keys.ts'
import { findDeviceKeys, setDeviceKeys } from './device-keys.ts'
import { setFallbackKey } from './fallback-keys.ts'
import type { KeyChanges } from './key-changes.ts'
import { addOneTimeKeys, type NamedKey } from './one-time-keys.ts'
import { maxDeviceKeysBytes, maxKeyBytes, type UploadBody } from './schemas.ts'
import { bareText, canonicalText, readSigned, signaturesBy, toCanonical, withSignatures } from './signed-json.ts'

const maxKeyNameBytes = 255
/** A device has keys for one or two. */
const maxAlgorithms = 10

/** What one device uploads, checked. */
export interface Upload {
  readonly deviceKeys: JsonObject | undefined
  readonly oneTimeKeys: readonly NamedKey[]
  readonly fallbackKeys: readonly NamedKey[]
}

/** @throws MatrixError naming what is wrong */
export function readUpload(session: Session, body: UploadBody): Upload {
  const fallbackKeys = readNamedKeys('fallback_keys', body.fallback_keys)
  if (new Set(fallbackKeys.map((key) => key.algorithm)).size < fallbackKeys.length)
    throw invalidParam('fallback_keys: more than one key of an algorithm')
  return {
    deviceKeys: body.device_keys && readDeviceKeys(session, body.device_keys),
    oneTimeKeys: readNamedKeys('one_time_keys', body.one_time_keys),
    fallbackKeys,
  }
}

/**
 * Stores an upload within a write.
 * @throws MatrixError, which undoes the write
 */
export function storeUpload(tx: Writer, changes: KeyChanges, { userId, deviceId }: Session, upload: Upload): void {
  if (upload.deviceKeys) storeDeviceKeys(tx, changes, userId, deviceId, upload.deviceKeys)
  const problem = addOneTimeKeys(tx, userId, deviceId, upload.oneTimeKeys)
  if (problem) throw invalidParam(problem)
  for (const key of upload.fallbackKeys) setFallbackKey(tx, userId, deviceId, key)
}

function readDeviceKeys(session: Session, keys: NonNullable<UploadBody['device_keys']>): JsonObject {
  if (keys.user_id !== session.userId) throw invalidParam('device_keys.user_id: must be your user id')
  if (keys.device_id !== session.deviceId) throw invalidParam('device_keys.device_id: must be the id of your device')
  const canonical = toCanonical({ ...keys, unsigned: undefined }, 'device_keys')
  if ('problem' in canonical) throw badJson(canonical.problem)
  if (Buffer.byteLength(canonical.text) > maxDeviceKeysBytes) throw tooLarge(`device_keys: more than ${maxDeviceKeysBytes} bytes`)
  return readSigned(canonical.text)
}

function readNamedKeys(field: string, keys: Readonly<Record<string, unknown>> | undefined): NamedKey[] {
  const algorithms = new Set<string>()
  return Object.entries(keys ?? {}).map(([name, value]) => {
    const colon = name.indexOf(':')
    if (colon < 1 || colon === name.length - 1 || Buffer.byteLength(name) > maxKeyNameBytes || !name.isWellFormed())
      throw invalidParam(`${field}: the name of a key must be ALGORITHM:ID, at most ${maxKeyNameBytes} bytes`)
    const canonical = toCanonical(value, `${field}.${name}`)
    if ('problem' in canonical) throw badJson(canonical.problem)
    if (Buffer.byteLength(canonical.text) > maxKeyBytes) throw tooLarge(`${field}.${name}: more than ${maxKeyBytes} bytes`)
    const algorithm = name.slice(0, colon)
    algorithms.add(algorithm)
    if (algorithms.size > maxAlgorithms) throw invalidParam(`${field}: more than ${maxAlgorithms} algorithms`)
    return { algorithm, keyId: name.slice(colon + 1), json: canonical.text }
  })
}

/** The same keys again keep the signatures that were added since; other keys have lost them. */
function storeDeviceKeys(tx: Writer, changes: KeyChanges, userId: string, deviceId: string, keys: JsonObject): void {
  const stored = findDeviceKeys(tx, userId, deviceId)
  const existing = stored === undefined ? undefined : readSigned(stored)
  const same = existing && bareText(existing) === bareText(keys)
  const json = canonicalText(same ? withSignatures(existing, userId, signaturesBy(keys, userId)) : keys)
  if (json === stored) return
  // "Cross-signing": device ids must not collide with cross-signing public keys.
  if (isCrossSigningKey(tx, userId, deviceId)) throw forbidden('device_keys.device_id: one of your cross-signing keys')
  setDeviceKeys(tx, userId, deviceId, json)
  changes.device(tx, userId, deviceId)
}
