import { closeSync, existsSync, openSync } from 'node:fs'
import Sqlite, { type Database } from 'better-sqlite3'
import { migrate } from './migrations.ts'
import { StorageProblem } from './problems.ts'

/** KiB of page cache for each of the two connections. */
const cacheSize = 8192

/** Opens the writer and the reader of a database file, migrated, and the statements that steer them. */
export function createConnections(file: string, migrations: string) {
  createFile(file)
  const writer = new Sqlite(file, { timeout: 2000 })
  try {
    writer.pragma('journal_mode = WAL')
    // Commits do not wait for the disk; `storage.write` does, off the event loop.
    writer.pragma('synchronous = NORMAL')
    writer.pragma('wal_autocheckpoint = 0')
    writer.pragma('temp_store = MEMORY')
    writer.pragma(`cache_size = -${cacheSize}`)
    writer.pragma('journal_size_limit = 67108864')
    // Off by default in SQLite, as migrations want it: to rebuild a table they drop the old one.
    writer.pragma('foreign_keys = OFF')
    migrate(writer, migrations)
    writer.pragma('foreign_keys = ON')
    // A read-only connection needs the log's files to exist, and `fdatasync` needs one to call.
    writer.exec('BEGIN IMMEDIATE; UPDATE kernel_values SET value = value; COMMIT')
    const reader = openReader(file)
    return { writer, reader, statements: steering(writer, reader) }
  } catch (error) {
    writer.close()
    throw error
  }
}

/** For the owner's eyes alone; SQLite gives the files of the log the same mode. */
function createFile(file: string): void {
  if (existsSync(file)) return
  if (existsSync(`${file}-wal`)) {
    throw new StorageProblem(
      'corrupt',
      `The database file ${file} is gone, its log is still there. Restore the last backup; nothing was changed.`,
    )
  }
  closeSync(openSync(file, 'wx', 0o600))
}

function openReader(file: string): Database {
  const reader = new Sqlite(file, { readonly: true })
  reader.pragma(`cache_size = -${cacheSize}`)
  reader.pragma('temp_store = MEMORY')
  return reader
}

function steering(writer: Database, reader: Database) {
  const begin = reader.prepare('BEGIN')
  const end = reader.prepare('COMMIT')
  // A transaction takes its snapshot at its first read.
  const look = reader.prepare('SELECT 1 FROM kernel_values LIMIT 1').pluck()
  const take = () => {
    begin.run()
    look.get()
  }
  take()
  return {
    begin: writer.prepare('BEGIN IMMEDIATE'),
    commit: writer.prepare('COMMIT'),
    rollback: writer.prepare('ROLLBACK'),
    savepoint: writer.prepare('SAVEPOINT one'),
    release: writer.prepare('RELEASE one'),
    rollbackTo: writer.prepare('ROLLBACK TO one'),
    changes: writer.prepare('SELECT total_changes()').pluck(),
    releaseSnapshot: () => {
      if (reader.inTransaction) end.run()
    },
    moveSnapshot: () => {
      if (reader.inTransaction) end.run()
      take()
    },
  }
}
