import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import Sqlite from 'better-sqlite3'
import { StorageProblem, storageProblem } from './problems.ts'

/**
 * Keeps a second process away from the data directory. The lock is an exclusive transaction on a database of its own:
 * the operating system releases it with the process, however that ends. Returns the release.
 */
export function lockDirectory(directory: string): () => void {
  let lock: Sqlite.Database | undefined
  try {
    makeDirectory(directory)
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

/** Makes the directory and those above it, for the server alone. */
function makeDirectory(directory: string): void {
  const first = mkdirSync(directory, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  const highest = dirname(resolve(first))
  for (let made = resolve(directory); made !== highest; made = dirname(made)) syncDirectory(dirname(made))
}

/** What is new in a directory survives a power cut only once the directory is on disk. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
