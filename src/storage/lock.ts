import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { StorageProblem, storageProblem } from './problems.ts'

/**
 * Keeps a second process away from the data directory. The lock is an exclusive transaction on a database of its own:
 * the operating system releases it with the process, however that ends. Returns the release.
 */
export function lockDirectory(directory: string): () => void {
  let lock: Sqlite.Database | undefined
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    lock = new Sqlite(join(directory, 'hausbote.lock'), { timeout: 0 })
    lock.pragma('journal_mode = MEMORY')
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock?.close()
    if ((error as { code?: unknown }).code === 'SQLITE_BUSY') {
      throw new StorageProblem('in-use', `Another Hausbote process uses the data directory ${directory}. Stop it first.`, error)
    }
    throw storageProblem(error) ?? error
  }
  const held = lock
  return () => held.close()
}
