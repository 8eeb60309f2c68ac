import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isReferenced } from '../../media/store.ts'
import { storedContents } from '../../media/stored.ts'
import type { Clock, Timers } from '../../platform/clock.ts'
import { type Random, randomLetters } from '../../platform/random.ts'
import type { Reader } from '../../storage/handles.ts'
import { StorageProblem } from '../../storage/problems.ts'
import { checkDatabase } from './check.ts'
import { leftOutNames, type Manifest, restoredNames, stagingName } from './contents.ts'
import { fetchSnapshot, makeTree } from './fetch.ts'
import { BackupProblem } from './problems.ts'
import { type Snapshot, snapshotsIn } from './repository.ts'
import { createRestic, type Restic } from './restic.ts'
import { beginState, place, writeState } from './restore-state.ts'
import { type RestoreReport, repairRestored } from './restored-database.ts'
import { type BackupTarget, type Environment, savedAccess, saveTarget, targetProblem } from './target.ts'

export interface RestoreDeps {
  /** The data directory; nothing of it is in use. */
  readonly directory: string
  readonly migrations: string
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly environment: Environment
  readonly program?: string | undefined
}

export interface RestoreWish {
  readonly target: BackupTarget
  /** `latest`, or the id of a snapshot. */
  readonly snapshot: string
  /** Undefined: whatever the snapshot says. */
  readonly serverName: string | undefined
  /** What may lie in the data directory, and is replaced where the snapshot has it, besides what a restore itself leaves there. */
  readonly mayReplace?: readonly string[]
}

export interface RestoreProgress {
  readonly step: 'look' | 'fetch' | 'check'
  /** From 0 to 1, of this step. */
  readonly fraction: number
}

/** What lies in a data directory of which nothing is in use. */
const harmless: readonly string[] = ['hausbote.lock', 'restore', 'backup', 'control.sock', 'lost+found']
/** For `RestoreWish.mayReplace`, on a box that nobody has claimed: all that a server may have put there so far. */
export const unclaimedNames: readonly string[] = [...restoredNames, ...leftOutNames]

/**
 * Fetches a snapshot into the data directory, checks and repairs it beside its place, and makes it ready for `settleRestore`, which puts it there
 * before the next start. Interrupted at any moment, it is either begun anew or ready. Call it while the directory is locked, by this process
 * or by the server that is in it. Rejects with a `BackupProblem`.
 */
export async function stageRestore(
  deps: RestoreDeps,
  wish: RestoreWish,
  signal: AbortSignal,
  onProgress?: (progress: RestoreProgress) => void,
): Promise<RestoreReport> {
  const { directory } = deps
  refuseUsed(directory, wish.mayReplace ?? [])
  const problem = targetProblem(wish.target, directory)
  if (problem) throw new BackupProblem('bad-target', problem)
  const report = (step: RestoreProgress['step'], fraction: number) => onProgress?.({ step, fraction })
  report('look', 0)
  beginState(directory, isUsed(directory))
  try {
    saveTarget(place(directory), wish.target)
    const restic = openTarget(deps)
    const snapshot = await choose(restic, wish, signal)
    // A name of its own: a program that outlived an attempt that was cut off must not write into this one.
    const tree = `tree-${randomLetters(deps.random, 8)}`
    await makeTree(join(place(directory), tree))
    const fetched = await fetchSnapshot(restic, {
      snapshot,
      tree: join(place(directory), tree),
      mediaIfPossible: false,
      signal,
      onProgress: (fraction) => report('fetch', fraction),
    })
    report('check', 0)
    const restored = await check(deps, wish, { ...fetched, snapshot, tree: join(place(directory), tree) }, signal)
    writeState(directory, { state: 'ready', tree, report: restored })
    return restored
  } catch (error) {
    // What failed in an orderly way leaves nothing behind; after a sudden end the state tells.
    await rm(place(directory), { recursive: true, force: true })
    throw error
  }
}

function openTarget({ directory, environment, timers, program }: RestoreDeps): Restic {
  const access = savedAccess(place(directory), environment)
  if (!access) throw new Error('the target was not saved')
  return createRestic(access, timers, program)
}

function isUsed(directory: string): boolean {
  return existsSync(join(directory, 'hausbote.db'))
}

function refuseUsed(directory: string, mayReplace: readonly string[]): void {
  if (!existsSync(directory)) return
  const other = readdirSync(directory).find((name) => !harmless.includes(name) && !mayReplace.includes(name))
  if (other !== undefined)
    throw new BackupProblem('not-empty', `A backup is restored into an empty directory only, and ${directory} holds ${other}.`)
}

/** Snapshots that can be restored from a target, oldest first. Rejects with a `BackupProblem`. */
export async function snapshotsAt(
  deps: Pick<RestoreDeps, 'environment' | 'timers' | 'program'>,
  target: BackupTarget,
): Promise<readonly Snapshot[]> {
  const problem = targetProblem(target, '/nonexistent')
  if (problem) throw new BackupProblem('bad-target', problem)
  const directory = await mkdtemp(join(tmpdir(), 'hausbote-restore-'))
  try {
    saveTarget(directory, target)
    const access = savedAccess(directory, deps.environment)
    if (!access) throw new Error('the target was not saved')
    return await snapshotsIn(createRestic(access, deps.timers, deps.program), undefined)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function choose(restic: Restic, { snapshot: wanted, serverName }: RestoreWish, signal: AbortSignal): Promise<Snapshot> {
  const all = await snapshotsIn(restic, undefined, signal)
  const own = serverName === undefined ? all : all.filter((snapshot) => snapshot.serverName === serverName)
  const found = wanted === 'latest' ? own.at(-1) : own.find(({ id }) => wanted.length >= 6 && id.startsWith(wanted))
  if (found) return found
  const other = all.at(-1)
  if (other && own.length === 0)
    throw new BackupProblem('other-server', `The backup is of ${other.serverName}, not of ${serverName}.`)
  throw new BackupProblem(
    'no-snapshot',
    wanted === 'latest' ? 'The backup holds no snapshot yet.' : `There is no snapshot ${wanted}.`,
  )
}

interface Tree {
  readonly manifest: Manifest
  readonly snapshot: Snapshot
  readonly tree: string
  readonly files: number
  readonly bytes: number
}

/** Nothing of what is served later goes unread. */
async function check(deps: RestoreDeps, wish: RestoreWish, found: Tree, signal: AbortSignal): Promise<RestoreReport> {
  const { manifest, snapshot, tree, files, bytes } = found
  const { serverName } = manifest
  if (wish.serverName !== undefined && serverName !== wish.serverName)
    throw new BackupProblem('other-server', `The backup is of ${serverName}, not of ${wish.serverName}.`)
  const staged = join(tree, stagingName)
  const facts = await checkDatabase(join(staged, 'hausbote.db'), signal)
  if (facts.problem !== undefined) throw new BackupProblem('damaged', `The database in the backup is damaged: ${facts.problem}`)
  if (facts.events !== manifest.events)
    throw new BackupProblem('damaged', 'The database in the backup does not hold what it should.')
  const restoredAt = deps.clock.now()
  const known = { serverName, snapshot: snapshot.id, lostSince: manifest.createdAt, restoredAt, events: facts.events }
  try {
    const report = await repairRestored(
      { ...deps, directory: staged },
      { ...known, users: facts.users, files, bytes },
      (reader) => tidyMedia(reader, join(tree, 'media', 'contents')),
    )
    await rm(join(staged, 'hausbote.lock'), { force: true })
    await rename(join(staged, 'hausbote.db'), join(tree, 'hausbote.db'))
    return report
  } catch (error) {
    if (error instanceof StorageProblem && error.kind === 'schema-newer')
      throw new BackupProblem(
        'newer',
        `The backup was made by a newer version of Hausbote (${manifest.program}). Install that version first.`,
      )
    throw error
  }
}

/** Removes files that came after the copy of the database, and counts those that went before they were copied. */
async function tidyMedia(reader: Reader, contents: string): Promise<number> {
  if (existsSync(contents)) {
    for (const shelf of await readdir(contents)) {
      for (const hash of await readdir(join(contents, shelf)))
        if (!isReferenced(reader, hash)) await rm(join(contents, shelf, hash))
      if ((await readdir(join(contents, shelf))).length === 0) await rmdir(join(contents, shelf))
    }
  }
  let missing = 0
  for (const { hash, size } of storedContents(reader)) {
    const file = join(contents, hash.slice(0, 2), hash)
    if (!existsSync(file) || (await stat(file)).size !== size) missing += 1
  }
  return missing
}
