import { devicesOf, userExists } from '../accounts/store.ts'
import type { Reader } from '../storage/handles.ts'
import { type CrossSigningKey, crossSigningKeysOf, type Usage, userSignaturesOf } from './cross-signing-keys.ts'
import { type DeviceKeysRow, deviceKeysOf, findDeviceKeys } from './device-keys.ts'
import { canonicalText, readSigned, withSignatures } from './signed-json.ts'

/** A device as others see it. */
export interface PublishedDevice extends DeviceKeysRow {
  readonly displayName: string | null
}

/** What a user has published. */
export interface PublishedKeys {
  readonly devices: readonly PublishedDevice[]
  readonly signingKeys: ReadonlyMap<Usage, CrossSigningKey>
}

/** Of a local user. No `deviceIds`: of all devices. Undefined: there is no such user. */
export function localKeys(reader: Reader, userId: string, deviceIds: readonly string[]): PublishedKeys | undefined {
  const rows = rowsOf(reader, userId, deviceIds)
  const signingKeys = crossSigningKeysOf(reader, userId)
  if (rows.length === 0 && signingKeys.size === 0 && !userExists(reader, userId)) return undefined
  if (rows.length === 0) return { devices: [], signingKeys }
  const names = new Map(devicesOf(reader, userId).map((device) => [device.deviceId as string, device.displayName]))
  return { devices: rows.map((row) => ({ ...row, displayName: names.get(row.deviceId) ?? null })), signingKeys }
}

function rowsOf(reader: Reader, userId: string, deviceIds: readonly string[]): readonly DeviceKeysRow[] {
  if (deviceIds.length === 0) return deviceKeysOf(reader, userId)
  return [...new Set(deviceIds)].flatMap((deviceId) => {
    const json = findDeviceKeys(reader, userId, deviceId)
    return json === undefined ? [] : [{ deviceId, json }]
  })
}

/**
 * Keys of users as `viewer` may see them: fields of an answer to `/keys/query`, each a JSON text. Viewer undefined: another server, which
 * sees what everybody sees. Source: client-server API, "Key and signature security".
 */
export function keysFields(
  reader: Reader,
  viewer: string | undefined,
  users: Iterable<readonly [userId: string, keys: PublishedKeys]>,
): Readonly<Record<'device_keys' | 'master_keys' | 'self_signing_keys' | 'user_signing_keys', string>> {
  const devices: string[] = []
  const masterKeys: string[] = []
  const selfSigningKeys: string[] = []
  const userSigningKeys: string[] = []
  for (const [userId, keys] of users) {
    const name = JSON.stringify(userId)
    devices.push(`${name}:{${keys.devices.map(deviceJson).join(',')}}`)
    const master = keys.signingKeys.get('master')
    if (master) masterKeys.push(`${name}:${masterJson(reader, viewer, userId, master)}`)
    const selfSigning = keys.signingKeys.get('self_signing')
    if (selfSigning) selfSigningKeys.push(`${name}:${selfSigning.json}`)
    const userSigning = keys.signingKeys.get('user_signing')
    if (userSigning && viewer === userId) userSigningKeys.push(`${name}:${userSigning.json}`)
  }
  return {
    device_keys: `{${devices.join(',')}}`,
    master_keys: `{${masterKeys.join(',')}}`,
    self_signing_keys: `{${selfSigningKeys.join(',')}}`,
    user_signing_keys: `{${userSigningKeys.join(',')}}`,
  }
}

function deviceJson({ deviceId, json, displayName }: PublishedDevice): string {
  const unsigned = JSON.stringify({ device_display_name: displayName ?? undefined })
  return `${JSON.stringify(deviceId)}:${json.slice(0, -1)},"unsigned":${unsigned}}`
}

/** With the viewer's own signature by the user-signing key; those of others are nobody's business. */
function masterJson(reader: Reader, viewer: string | undefined, userId: string, { json, publicKey }: CrossSigningKey): string {
  if (viewer === undefined || viewer === userId) return json
  const signatures = userSignaturesOf(reader, viewer, userId, publicKey)
  if (Object.keys(signatures).length === 0) return json
  return canonicalText(withSignatures(readSigned(json), viewer, signatures))
}
