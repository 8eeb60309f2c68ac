import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'
import { StorageProblem } from './problems.ts'

/**
 * Brings the schema up to date: one transaction for all files of `directory` that are not applied yet.
 * How many are applied stands in SQLite's own `user_version`.
 */
export function migrate(database: Database, directory: string): void {
  const files = readdirSync(directory)
    .filter((name) => /^\d{4}_.*\.sql$/.test(name))
    .sort()
  const applied = database.pragma('user_version', { simple: true }) as number
  if (applied > files.length) {
    throw new StorageProblem(
      'schema-newer',
      `The database was written by a newer version of Hausbote (schema ${applied}, this program knows ${files.length}). Start the newer version, or restore a backup made before the update.`,
    )
  }
  if (applied === files.length) return
  database.exec('BEGIN EXCLUSIVE')
  for (const [index, file] of files.entries()) {
    if (index < applied) continue
    try {
      database.exec(readFileSync(join(directory, file), 'utf8'))
    } catch (error) {
      if (database.inTransaction) database.exec('ROLLBACK')
      throw new StorageProblem('migration', `Migration ${file} failed, nothing was changed: ${(error as Error).message}`, error)
    }
  }
  database.exec(`PRAGMA user_version = ${files.length}; COMMIT`)
}
