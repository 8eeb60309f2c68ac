import type { DeviceId, UserId } from '../matrix/identifiers.ts'
import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

export interface User {
  readonly userId: UserId
  /** Null: nobody can sign in with a password. */
  readonly passwordHash: string | null
  readonly admin: boolean
  /** Since the epoch. */
  readonly createdAt: Milliseconds
  readonly deactivated: boolean
}

type Row<Record> = { readonly [Key in keyof Record]: Record[Key] extends boolean ? 0 | 1 : Record[Key] }

const userColumns = 'user_id AS userId, password_hash AS passwordHash, admin, created_at AS createdAt, deactivated'
const userById = statement<[string], Row<User>>(`SELECT ${userColumns} FROM users WHERE user_id = ?`)
const everyUser = statement<[], Row<User>>(`SELECT ${userColumns} FROM users ORDER BY user_id`)

function userOfRow(row: Row<User>): User {
  return { ...row, admin: row.admin === 1, deactivated: row.deactivated === 1 }
}

export function findUser(reader: Reader, userId: string): User | undefined {
  const row = userById(reader).get(userId)
  return row && userOfRow(row)
}

/** Deactivated users exist still: their names are never given away again. */
export function userExists(reader: Reader, userId: string): boolean {
  return userById(reader).get(userId) !== undefined
}

export function isDeactivated(reader: Reader, userId: string): boolean {
  return userById(reader).get(userId)?.deactivated === 1
}

export function allUsers(reader: Reader): readonly User[] {
  return everyUser(reader).all().map(userOfRow)
}

const insertUser = statement<[string, string | null, number, Milliseconds], never>(
  'INSERT INTO users (user_id, password_hash, admin, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
)

/** False: the name is taken. */
export function createUser(
  tx: Writer,
  user: {
    readonly userId: UserId
    readonly passwordHash: string | null
    readonly admin: boolean
    readonly createdAt: Milliseconds
  },
): boolean {
  return insertUser(tx).run(user.userId, user.passwordHash, user.admin ? 1 : 0, user.createdAt).changes === 1
}

const updatePassword = statement<[string, string], never>(
  'UPDATE users SET password_hash = ? WHERE user_id = ? AND deactivated = 0',
)
const markDeactivated = statement<[string], never>('UPDATE users SET deactivated = 1, password_hash = NULL WHERE user_id = ?')

/** False: there is no such active user. */
export function setPasswordHash(tx: Writer, userId: string, passwordHash: string): boolean {
  return updatePassword(tx).run(passwordHash, userId).changes === 1
}

export function setDeactivated(tx: Writer, userId: string): void {
  markDeactivated(tx).run(userId)
}

export interface Device {
  readonly deviceId: DeviceId
  readonly displayName: string | null
  /** Since the epoch; a few minutes behind. */
  readonly lastSeenTs: Milliseconds
  /** Empty: not known. */
  readonly lastSeenIp: string
}

const deviceColumns = 'device_id AS deviceId, display_name AS displayName, last_seen_ts AS lastSeenTs, last_seen_ip AS lastSeenIp'
const devicesByUser = statement<[string], Device>(`SELECT ${deviceColumns} FROM devices WHERE user_id = ? ORDER BY device_id`)
const deviceById = statement<[string, string], Device>(`SELECT ${deviceColumns} FROM devices WHERE user_id = ? AND device_id = ?`)

export function devicesOf(reader: Reader, userId: string): readonly Device[] {
  return devicesByUser(reader).all(userId)
}

export function deviceOf(reader: Reader, userId: string, deviceId: string): Device | undefined {
  return deviceById(reader).get(userId, deviceId)
}

const insertDevice = statement<[string, string, string | null, Milliseconds, string], never>(
  'INSERT INTO devices (user_id, device_id, display_name, last_seen_ts, last_seen_ip) VALUES (?, ?, ?, ?, ?)',
)
const updateSeen = statement<[Milliseconds, string, string, string], never>(
  'UPDATE devices SET last_seen_ts = ?, last_seen_ip = ? WHERE user_id = ? AND device_id = ?',
)
const updateName = statement<[string, string, string], never>(
  'UPDATE devices SET display_name = ? WHERE user_id = ? AND device_id = ?',
)
const removeDevice = statement<[string, string], never>('DELETE FROM devices WHERE user_id = ? AND device_id = ?')

export function addDevice(tx: Writer, userId: string, device: Device): void {
  insertDevice(tx).run(userId, device.deviceId, device.displayName, device.lastSeenTs, device.lastSeenIp)
}

/** Does nothing for a device that is gone. */
export function setLastSeen(tx: Writer, userId: string, deviceId: string, at: Milliseconds, address: string): void {
  updateSeen(tx).run(at, address, userId, deviceId)
}

export function setDeviceName(tx: Writer, userId: string, deviceId: string, displayName: string): void {
  updateName(tx).run(displayName, userId, deviceId)
}

/** Only the row; `sessions.ts` ends what belongs to it. False: there is no such device. */
export function deleteDeviceRow(tx: Writer, userId: string, deviceId: string): boolean {
  return removeDevice(tx).run(userId, deviceId).changes === 1
}
