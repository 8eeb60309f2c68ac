import { type Reader, statement, type Writer } from '../storage/handles.ts'

/** A backup's description, without its keys. */
export interface BackupVersion {
  readonly version: number
  readonly algorithm: string
  /** JSON object. */
  readonly authData: string
  /** Grows with each change of the keys. */
  readonly etag: number
  /** Number of keys. */
  readonly count: number
}

const columns = 'version, algorithm, auth_data AS authData, etag, count'
const newest = statement<[string], BackupVersion>(
  `SELECT ${columns} FROM backup_versions WHERE user_id = ? AND deleted = 0 ORDER BY version DESC LIMIT 1`,
)
const one = statement<[string, number], BackupVersion>(
  `SELECT ${columns} FROM backup_versions WHERE user_id = ? AND version = ? AND deleted = 0`,
)
const known = statement<[string, number], number>('SELECT 1 FROM backup_versions WHERE user_id = ? AND version = ?', 'pluck')
const last = statement<[string], number | null>('SELECT max(version) FROM backup_versions WHERE user_id = ?', 'pluck')
const insert = statement<[string, number, string, string], never>(
  `INSERT INTO backup_versions (user_id, version, algorithm, auth_data, etag, count, deleted) VALUES (?, ?, ?, ?, 0, 0, 0)`,
)
const update = statement<[string, string, number], never>(
  'UPDATE backup_versions SET auth_data = ? WHERE user_id = ? AND version = ?',
)
const remove = statement<[string, number], never>(
  `UPDATE backup_versions SET deleted = 1, auth_data = '{}', count = 0 WHERE user_id = ? AND version = ?`,
)
const removeKeys = statement<[string, number], never>('DELETE FROM backup_keys WHERE user_id = ? AND version = ?')
const removeOwn = statement<[string], never>('DELETE FROM backup_versions WHERE user_id = ?')
const removeOwnKeys = statement<[string], never>('DELETE FROM backup_keys WHERE user_id = ?')
const change = statement<[number, string, number], BackupVersion>(
  `UPDATE backup_versions SET etag = etag + 1, count = count + ? WHERE user_id = ? AND version = ? RETURNING ${columns}`,
)

/** The backup that keys can be written to: the most recently created one that still exists. */
export function currentBackup(reader: Reader, userId: string): BackupVersion | undefined {
  return newest(reader).get(userId)
}

/** Undefined: never made, or deleted. */
export function findBackup(reader: Reader, userId: string, version: number): BackupVersion | undefined {
  return one(reader).get(userId, version)
}

/** Makes a new, empty backup and answers its version. */
export function createBackup(tx: Writer, userId: string, algorithm: string, authData: string): number {
  const version = (last(tx).get(userId) ?? 0) + 1
  insert(tx).run(userId, version, algorithm, authData)
  return version
}

export function setAuthData(tx: Writer, userId: string, version: number, authData: string): void {
  update(tx).run(authData, userId, version)
}

/** Deletes a backup with its keys. False: there never was such a version. */
export function deleteBackup(tx: Writer, userId: string, version: number): boolean {
  if (known(tx).get(userId, version) === undefined) return false
  remove(tx).run(userId, version)
  removeKeys(tx).run(userId, version)
  return true
}

/** An account has ended: all its backups go. */
export function forgetBackups(tx: Writer, userId: string): void {
  removeOwn(tx).run(userId)
  removeOwnKeys(tx).run(userId)
}

/** Notes that keys were stored, replaced or deleted; `added` may be negative. Answers the backup as it is now. */
export function keysChanged(tx: Writer, userId: string, version: number, added: number): BackupVersion {
  const changed = change(tx).get(added, userId, version)
  if (!changed) throw new Error(`no backup version ${version}`)
  return changed
}
