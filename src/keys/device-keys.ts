import { type Reader, statement, type Writer } from '../storage/handles.ts'

/** The identity keys of one device. */
export interface DeviceKeysRow {
  readonly deviceId: string
  /** Canonical JSON, without `unsigned`. */
  readonly json: string
}

const one = statement<[string, string], string>('SELECT json FROM device_keys WHERE user_id = ? AND device_id = ?', 'pluck')
const all = statement<[string], DeviceKeysRow>('SELECT device_id AS deviceId, json FROM device_keys WHERE user_id = ?')
const put = statement<[string, string, string], never>(
  `INSERT INTO device_keys (user_id, device_id, json) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET json = excluded.json`,
)
const remove = statement<[string, string], never>('DELETE FROM device_keys WHERE user_id = ? AND device_id = ?')

/** Canonical JSON; undefined: the device has uploaded none. */
export function findDeviceKeys(reader: Reader, userId: string, deviceId: string): string | undefined {
  return one(reader).get(userId, deviceId)
}

/** Every device of a user that has keys. */
export function deviceKeysOf(reader: Reader, userId: string): readonly DeviceKeysRow[] {
  return all(reader).all(userId)
}

export function setDeviceKeys(tx: Writer, userId: string, deviceId: string, json: string): void {
  put(tx).run(userId, deviceId, json)
}

/** False: there were none. */
export function removeDeviceKeys(tx: Writer, userId: string, deviceId: string): boolean {
  return remove(tx).run(userId, deviceId).changes > 0
}
