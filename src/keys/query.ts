import { devicesOf, userExists } from '../accounts/store.ts'
import type { Reader } from '../storage/handles.ts'
import { type CrossSigningKey, crossSigningKeysOf, userSignaturesOf } from './cross-signing-keys.ts'
import { type DeviceKeysRow, deviceKeysOf, findDeviceKeys } from './device-keys.ts'
import { canonicalText, readSigned, withSignatures } from './signed-json.ts'

/**
 * The keys of local users as `viewer` may see them: fields `device_keys`, `master_keys`, `self_signing_keys` and `user_signing_keys` of
 * the answer, as JSON texts. Empty lists of devices mean all; unknown users and devices are left out.
 * Source: client-server API, `/keys/query`; "Key and signature security" says who sees which signatures.
 */
export function queryKeys(reader: Reader, viewer: string, wishes: readonly (readonly [string, readonly string[]])[]): string {
  const devices: string[] = []
  const masterKeys: string[] = []
  const selfSigningKeys: string[] = []
  const userSigningKeys: string[] = []
  for (const [userId, deviceIds] of wishes) {
    const rows = rowsOf(reader, userId, deviceIds)
    const keys = crossSigningKeysOf(reader, userId)
    if (rows.length === 0 && keys.size === 0 && !userExists(reader, userId)) continue
    const name = JSON.stringify(userId)
    devices.push(`${name}:{${devicesJson(reader, userId, rows)}}`)
    const master = keys.get('master')
    if (master) masterKeys.push(`${name}:${masterJson(reader, viewer, userId, master)}`)
    const selfSigning = keys.get('self_signing')
    if (selfSigning) selfSigningKeys.push(`${name}:${selfSigning.json}`)
    const userSigning = keys.get('user_signing')
    if (userSigning && viewer === userId) userSigningKeys.push(`${name}:${userSigning.json}`)
  }
  return (
    `"device_keys":{${devices.join(',')}},"master_keys":{${masterKeys.join(',')}},` +
    `"self_signing_keys":{${selfSigningKeys.join(',')}},"user_signing_keys":{${userSigningKeys.join(',')}}`
  )
}

function rowsOf(reader: Reader, userId: string, deviceIds: readonly string[]): readonly DeviceKeysRow[] {
  if (deviceIds.length === 0) return deviceKeysOf(reader, userId)
  return [...new Set(deviceIds)].flatMap((deviceId) => {
    const json = findDeviceKeys(reader, userId, deviceId)
    return json === undefined ? [] : [{ deviceId, json }]
  })
}

function devicesJson(reader: Reader, userId: string, rows: readonly DeviceKeysRow[]): string {
  if (rows.length === 0) return ''
  const names = new Map(devicesOf(reader, userId).map((device) => [device.deviceId as string, device.displayName]))
  return rows
    .map(({ deviceId, json }) => {
      const unsigned = JSON.stringify({ device_display_name: names.get(deviceId) ?? undefined })
      return `${JSON.stringify(deviceId)}:${json.slice(0, -1)},"unsigned":${unsigned}}`
    })
    .join(',')
}

/** With the viewer's own signature by the user-signing key; those of others are nobody's business. */
function masterJson(reader: Reader, viewer: string, userId: string, { json, publicKey }: CrossSigningKey): string {
  if (viewer === userId) return json
  const signatures = userSignaturesOf(reader, viewer, userId, publicKey)
  if (Object.keys(signatures).length === 0) return json
  return canonicalText(withSignatures(readSigned(json), viewer, signatures))
}
