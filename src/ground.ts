import { join } from 'node:path'
import type { Config } from './config.ts'
import { settleRestore } from './operations/backup/restore-state.ts'
import type { Timers } from './platform/clock.ts'
import type { StorageProblem } from './storage/problems.ts'
import { openStorage, type Storage } from './storage/storage.ts'

export const migrations = join(import.meta.dirname, '..', 'drizzle')

export interface GroundPlatform {
  readonly timers: Timers
  /** Makes the database's log durable; a test may make it slow. */
  readonly sync?: (fileDescriptor: number) => Promise<void>
  /** False in short-lived tests: no thread moves the log into the database. */
  readonly checkpoints?: boolean
}

/** Opens what everything else stands on; before that it puts a restore that waits for this moment in its place. */
export function openGround(
  { data_dir: directory }: Config,
  { timers, sync, checkpoints = true }: GroundPlatform,
  onFatal: (problem: StorageProblem) => void,
): Storage {
  settleRestore(directory)
  return openStorage({ directory, migrations, timers, onFatal, ...(sync && { sync }), checkpoints })
}
