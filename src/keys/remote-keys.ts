import { checkBody } from '../http/validation.ts'
import { maxIdentifierBytes, parseDeviceId } from '../matrix/identifiers.ts'
import { isObject } from '../matrix/json.ts'
import type { CrossSigningKey, Usage } from './cross-signing-keys.ts'
import { readCrossSigningKey } from './device-signing.ts'
import type { PublishedDevice } from './published-keys.ts'
import { crossSigningKey, type DeviceSigningBody, deviceKeys, maxDeviceKeysBytes } from './schemas.ts'
import { toCanonical } from './signed-json.ts'

/** Devices of one user: more are nobody's. */
export const maxDevices = 1000
/** Usages that other servers tell; user-signing keys they keep to themselves. */
export const sharedUsages = ['master', 'self_signing'] as const

/**
 * A device of a user as another server describes it, well-formed and of nobody else; undefined: it is not. Clients check the signatures,
 * which they must in any case, since they do not trust servers.
 */
export function readRemoteDevice(
  userId: string,
  deviceId: unknown,
  keys: unknown,
  displayName: unknown,
): PublishedDevice | undefined {
  const id = parseDeviceId(deviceId)
  if (!id || !isObject(keys) || keys.user_id !== userId || keys.device_id !== id) return undefined
  if (checkBody(deviceKeys, keys)) return undefined
  const canonical = toCanonical({ ...keys, unsigned: undefined }, 'keys')
  if ('problem' in canonical || Buffer.byteLength(canonical.text) > maxDeviceKeysBytes) return undefined
  return { deviceId: id, json: canonical.text, displayName: readDisplayName(displayName) }
}

/** A cross-signing key of a user; undefined: it is none. */
export function readRemoteSigningKey(userId: string, usage: Usage, value: unknown): CrossSigningKey | undefined {
  if (!isObject(value) || checkBody(crossSigningKey, value)) return undefined
  const key = readCrossSigningKey(userId, usage, value as NonNullable<DeviceSigningBody['master_key']>)
  return 'refused' in key ? undefined : { usage, publicKey: key.publicKey, json: key.json }
}

/** Nothing depends on names: what is none, or too long to be shown, is left out. */
function readDisplayName(name: unknown): string | null {
  return typeof name === 'string' && name.isWellFormed() && Buffer.byteLength(name) <= 4 * maxIdentifierBytes ? name : null
}
