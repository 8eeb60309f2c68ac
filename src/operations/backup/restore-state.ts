import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lockDirectory, syncDirectory } from '../../storage/lock.ts'
import { StorageProblem } from '../../storage/problems.ts'
import { writeFileDurably } from '../durable-file.ts'
import { restoredNames } from './contents.ts'
import type { RestoreReport } from './restored-database.ts'
import { backupDirectory, savedAccess, saveTarget } from './target.ts'

/** Where a restore is prepared. */
export const place = (directory: string) => join(directory, 'restore')
const stateFile = (directory: string) => join(place(directory), 'state.json')

type State =
  /** `besides`: what lies in the directory is whole, and the restore can be forgotten. */
  | { readonly state: 'fetching'; readonly besides: boolean }
  | { readonly state: 'ready'; readonly tree: string; readonly report: RestoreReport }

/** Notes that a restore begins. `besides`: what lies in the directory is whole, whatever comes of it. */
export function beginState(directory: string, besides: boolean): void {
  // First the data directory's own entry, so that nobody starts a server on half a restore.
  rmSync(place(directory), { recursive: true, force: true })
  mkdirSync(place(directory), { recursive: true, mode: 0o700 })
  writeState(directory, { state: 'fetching', besides })
  syncDirectory(directory)
}

export function writeState(directory: string, state: State): void {
  writeFileDurably(stateFile(directory), JSON.stringify(state))
}

function readState(directory: string): State | undefined {
  return existsSync(stateFile(directory)) ? (JSON.parse(readFileSync(stateFile(directory), 'utf8')) as State) : undefined
}

/** Whether a restore was begun here and cut off, or only waits to be put in its place; undefined: neither. */
export function restoreUnderWay(directory: string): State['state'] | undefined {
  return readState(directory)?.state
}

/**
 * Before anything opens the data directory: puts a restore that is ready in its place, however often that is interrupted.
 * Throws a `StorageProblem` when a restore was cut off before it was ready.
 */
export function settleRestore(directory: string): RestoreReport | undefined {
  if (readState(directory) === undefined) return undefined
  const unlock = lockDirectory(directory)
  try {
    return putInPlace(directory)
  } finally {
    unlock()
  }
}

/** The same, for those who hold the lock. */
export function putInPlace(directory: string): RestoreReport | undefined {
  const state = readState(directory)
  if (state === undefined) return undefined
  if (state.state === 'fetching' && state.besides) {
    rmSync(place(directory), { recursive: true, force: true })
    return undefined
  }
  if (state.state === 'fetching')
    throw new StorageProblem(
      'unusable',
      `A restore into ${directory} was interrupted. Begin it again, or remove ${place(directory)} to start without the backup.`,
    )
  const tree = join(place(directory), state.tree)
  for (const name of restoredNames) {
    // What is not there any more was put in its place by an attempt that was interrupted later.
    if (!existsSync(join(tree, name))) continue
    for (const old of name === 'hausbote.db' ? [name, `${name}-wal`, `${name}-shm`] : [name])
      rmSync(join(directory, old), { recursive: true, force: true })
    renameSync(join(tree, name), join(directory, name))
  }
  syncDirectory(directory)
  keepTarget(directory)
  rmSync(place(directory), { recursive: true, force: true })
  syncDirectory(directory)
  return state.report
}

/** The backup goes on where it was restored from. */
function keepTarget(directory: string): void {
  const access = savedAccess(place(directory), {})
  if (!access) return
  const { repository, passphraseFile, environment } = access
  saveTarget(backupDirectory(directory), {
    repository,
    passphrase: readFileSync(passphraseFile, 'utf8').replace(/\n$/, ''),
    environment,
  })
}
