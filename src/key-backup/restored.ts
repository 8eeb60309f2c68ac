import { statement, type Writer } from '../storage/handles.ts'

/** More than a person makes between two backups. */
const jump = 1000

const skipVersions = statement<[string, string, number], never>(
  `INSERT INTO backup_versions (user_id, version, algorithm, auth_data, etag, count, deleted)
   SELECT ?, ifnull((SELECT max(version) FROM backup_versions WHERE user_id = ?), 0) + ?, '', '{}', 0, 0, 1`,
)
const skipChanges = statement<[number], never>('UPDATE backup_versions SET etag = etag + ? WHERE deleted = 0')

/**
 * The database is an earlier copy of itself. Versions of key backups that were made since must not be given again: a device that remembers one
 * would store keys in a backup that another secret opens.
 */
export function keyBackupsRestored(tx: Writer, users: Iterable<string>): void {
  for (const userId of users) skipVersions(tx).run(userId, userId, jump)
  skipChanges(tx).run(jump)
}
