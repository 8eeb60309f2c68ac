import { type Reader, statement, type Writer } from '../storage/handles.ts'
import { type BackupVersion, findBackup, keysChanged } from './versions.ts'

/** What the server may know about a key; the key itself is encrypted in `sessionData`. */
export interface BackupKey {
  readonly firstMessageIndex: number
  readonly forwardedCount: number
  readonly isVerified: boolean
  /** JSON object. */
  readonly sessionData: string
}

/** A key and which session it is for. */
export interface PlacedKey extends BackupKey {
  readonly roomId: string
  readonly sessionId: string
}

interface Row extends Omit<PlacedKey, 'isVerified'> {
  readonly isVerified: number
}

const columns = `room_id AS roomId, session_id AS sessionId, first_message_index AS firstMessageIndex,
  forwarded_count AS forwardedCount, is_verified AS isVerified, session_data AS sessionData`
const one = statement<[string, number, string, string], Row>(
  `SELECT ${columns} FROM backup_keys WHERE user_id = ? AND version = ? AND room_id = ? AND session_id = ?`,
)
const ofRoom = statement<[string, number, string], Row>(
  `SELECT ${columns} FROM backup_keys WHERE user_id = ? AND version = ? AND room_id = ? ORDER BY session_id`,
)
const page = statement<[string, number, string, string, number], Row>(
  `SELECT ${columns} FROM backup_keys WHERE user_id = ? AND version = ? AND (room_id, session_id) > (?, ?)
   ORDER BY room_id, session_id LIMIT ?`,
)
const put = statement<[string, number, string, string, number, number, number, string], never>(
  `INSERT INTO backup_keys (user_id, version, room_id, session_id, first_message_index, forwarded_count, is_verified, session_data)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET first_message_index = excluded.first_message_index, forwarded_count = excluded.forwarded_count,
     is_verified = excluded.is_verified, session_data = excluded.session_data`,
)
const removeOne = statement<[string, number, string, string], never>(
  'DELETE FROM backup_keys WHERE user_id = ? AND version = ? AND room_id = ? AND session_id = ?',
)
const removeRoom = statement<[string, number, string], never>(
  'DELETE FROM backup_keys WHERE user_id = ? AND version = ? AND room_id = ?',
)
const removeAll = statement<[string, number], never>('DELETE FROM backup_keys WHERE user_id = ? AND version = ?')

export function findKey(
  reader: Reader,
  userId: string,
  version: number,
  roomId: string,
  sessionId: string,
): BackupKey | undefined {
  const row = one(reader).get(userId, version, roomId, sessionId)
  return row && keyOf(row)
}

export function keysOfRoom(reader: Reader, userId: string, version: number, roomId: string): readonly PlacedKey[] {
  return ofRoom(reader).all(userId, version, roomId).map(keyOf)
}

/** Up to `limit` keys of a backup in the order of room and session, from behind the given one on (`''`, `''`: from the start). */
export function keysAfter(
  reader: Reader,
  userId: string,
  version: number,
  roomId: string,
  sessionId: string,
  limit: number,
): readonly PlacedKey[] {
  return page(reader).all(userId, version, roomId, sessionId, limit).map(keyOf)
}

/** Stores keys, except where a better one is there already. The backup must exist; answers it as it is now. */
export function storeKeys(tx: Writer, userId: string, version: number, keys: readonly PlacedKey[]): BackupVersion {
  let added = 0
  let changed = false
  for (const key of keys) {
    const existing = findKey(tx, userId, version, key.roomId, key.sessionId)
    if (existing && !isBetter(key, existing)) continue
    const { roomId, sessionId, firstMessageIndex, forwardedCount, isVerified, sessionData } = key
    put(tx).run(userId, version, roomId, sessionId, firstMessageIndex, forwardedCount, isVerified ? 1 : 0, sessionData)
    changed = true
    if (!existing) added += 1
  }
  return changed ? keysChanged(tx, userId, version, added) : existingBackup(tx, userId, version)
}

/** Deletes one key, those of a room, or all. The backup must exist; answers it as it is now. */
export function deleteKeys(
  tx: Writer,
  userId: string,
  version: number,
  roomId: string | undefined,
  sessionId: string | undefined,
): BackupVersion {
  const { changes } =
    roomId === undefined
      ? removeAll(tx).run(userId, version)
      : sessionId === undefined
        ? removeRoom(tx).run(userId, version, roomId)
        : removeOne(tx).run(userId, version, roomId, sessionId)
  return changes > 0 ? keysChanged(tx, userId, version, -changes) : existingBackup(tx, userId, version)
}

/** Client-server API, "Server-side key backups": which of two keys for one session is kept. */
function isBetter(key: BackupKey, existing: BackupKey): boolean {
  if (key.isVerified !== existing.isVerified) return key.isVerified
  if (key.firstMessageIndex !== existing.firstMessageIndex) return key.firstMessageIndex < existing.firstMessageIndex
  return key.forwardedCount < existing.forwardedCount
}

function existingBackup(reader: Reader, userId: string, version: number): BackupVersion {
  const backup = findBackup(reader, userId, version)
  if (!backup) throw new Error(`no backup version ${version}`)
  return backup
}

function keyOf(row: Row): PlacedKey {
  return { ...row, isVerified: row.isVerified === 1 }
}
