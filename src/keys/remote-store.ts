import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'
import { type CrossSigningKey, crossSigningKeysOf, removeCrossSigningKey, setCrossSigningKey } from './cross-signing-keys.ts'
import type { PublishedDevice, PublishedKeys } from './published-keys.ts'

/** What is kept of the devices of a user of another server. Their cross-signing keys stand among those of local users. */
export interface RemoteList {
  /** The other server's number for the state of the list. */
  readonly streamId: number
  /** False: something happened that this server did not understand, so that the list must be asked for again. */
  readonly current: boolean
  /** What was known of rooms when the list was asked for. */
  readonly askedAt: Position
  /** The local user for whom it was asked. */
  readonly askedFor: string
}

const list = statement<[string], Omit<RemoteList, 'current'> & { readonly current: 0 | 1 }>(
  'SELECT stream_id AS streamId, current, asked_at AS askedAt, asked_for AS askedFor FROM remote_device_lists WHERE user_id = ?',
)
const putList = statement<[string, number, number, Position, string], never>(
  `INSERT INTO remote_device_lists (user_id, stream_id, current, asked_at, asked_for) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET stream_id = excluded.stream_id, current = excluded.current, asked_at = excluded.asked_at,
     asked_for = excluded.asked_for`,
)
const setStreamId = statement<[number, string], never>('UPDATE remote_device_lists SET stream_id = ? WHERE user_id = ?')
const setDoubtful = statement<[string], never>('UPDATE remote_device_lists SET current = 0 WHERE user_id = ?')
const removeList = statement<[string], never>('DELETE FROM remote_device_lists WHERE user_id = ?')
const listedAfter = statement<[string, number], string>(
  'SELECT user_id FROM remote_device_lists WHERE user_id > ? ORDER BY user_id LIMIT ?',
  'pluck',
)
const devices = statement<[string], PublishedDevice>(
  'SELECT device_id AS deviceId, json, display_name AS displayName FROM remote_devices WHERE user_id = ? ORDER BY device_id',
)
const device = statement<[string, string], PublishedDevice>(
  `SELECT device_id AS deviceId, json, display_name AS displayName FROM remote_devices WHERE user_id = ? AND device_id = ?`,
)
const deviceCount = statement<[string], number>('SELECT count(*) FROM remote_devices WHERE user_id = ?', 'pluck')
const putDevice = statement<[string, string, string, string | null], never>(
  `INSERT INTO remote_devices (user_id, device_id, json, display_name) VALUES (?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET json = excluded.json, display_name = excluded.display_name`,
)
const removeDevice = statement<[string, string], never>('DELETE FROM remote_devices WHERE user_id = ? AND device_id = ?')
const removeDevices = statement<[string], never>('DELETE FROM remote_devices WHERE user_id = ?')

/** Undefined: nothing is kept of this user. */
export function findRemoteList(reader: Reader, userId: string): RemoteList | undefined {
  const row = list(reader).get(userId)
  return row && { ...row, current: row.current === 1 }
}

/** As they are kept, current or not. */
export function keptKeys(reader: Reader, userId: string): PublishedKeys {
  return { devices: devices(reader).all(userId), signingKeys: crossSigningKeysOf(reader, userId) }
}

export function keptDevice(reader: Reader, userId: string, deviceId: string): PublishedDevice | undefined {
  return device(reader).get(userId, deviceId)
}

export function countKeptDevices(reader: Reader, userId: string): number {
  return deviceCount(reader).get(userId) ?? 0
}

/** Replaces all that is kept of a user. */
export function storeRemoteList(tx: Writer, userId: string, kept: RemoteList, keys: PublishedKeys): void {
  putList(tx).run(userId, kept.streamId, kept.current ? 1 : 0, kept.askedAt, kept.askedFor)
  removeDevices(tx).run(userId)
  for (const { deviceId, json, displayName } of keys.devices) putDevice(tx).run(userId, deviceId, json, displayName)
  removeSigningKeys(tx, userId)
  for (const key of keys.signingKeys.values()) setCrossSigningKey(tx, userId, key)
}

/** A device in a list is another one now, or with `change` undefined is gone. */
export function changeRemoteDevice(
  tx: Writer,
  userId: string,
  streamId: number,
  deviceId: string,
  change: PublishedDevice | undefined,
): void {
  setStreamId(tx).run(streamId, userId)
  if (change) putDevice(tx).run(userId, deviceId, change.json, change.displayName)
  else removeDevice(tx).run(userId, deviceId)
}

/** A new master key takes the keys with it that the old one signed. */
export function changeRemoteSigningKeys(tx: Writer, userId: string, keys: readonly CrossSigningKey[]): void {
  const master = keys.find(({ usage }) => usage === 'master')
  if (master && crossSigningKeysOf(tx, userId).get('master')?.publicKey !== master.publicKey) removeSigningKeys(tx, userId)
  for (const key of keys) setCrossSigningKey(tx, userId, key)
}

export function doubtRemoteList(tx: Writer, userId: string): void {
  setDoubtful(tx).run(userId)
}

export function forgetRemoteList(tx: Writer, userId: string): void {
  if (removeList(tx).run(userId).changes === 0) return
  removeDevices(tx).run(userId)
  removeSigningKeys(tx, userId)
}

/** Users of whom something is kept, in the order of their ids. */
export function listedUsersAfter(reader: Reader, userId: string, limit: number): readonly string[] {
  return listedAfter(reader).all(userId, limit)
}

function removeSigningKeys(tx: Writer, userId: string): void {
  for (const usage of crossSigningKeysOf(tx, userId).keys()) removeCrossSigningKey(tx, userId, usage)
}
