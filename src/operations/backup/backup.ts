import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Timers } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { Storage } from '../../storage/storage.ts'
import { checkDatabase } from './check.ts'
import { namesToKeep, stagingName, writeManifest } from './contents.ts'
import { freeBytes } from './fetch.ts'
import { BackupProblem } from './problems.ts'
import { openOrCreate, type Snapshot, snapshotsIn, tag } from './repository.ts'
import { createRestic, type RepositoryAccess, type Restic } from './restic.ts'
import {
  type BackupTarget,
  backupDirectory,
  type ConfiguredTarget,
  configuredAccess,
  type Environment,
  makePrivateDirectory,
  repositoryName,
  savedAccess,
  saveTarget,
  targetProblem,
} from './target.ts'
import { type TestResult, testRestore } from './test-restore.ts'

export interface BackupDeps {
  readonly storage: Storage
  /** The data directory. */
  readonly directory: string
  readonly serverName: string
  /** Of this program. */
  readonly version: string
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Log
  readonly configured: ConfiguredTarget
  readonly environment: Environment
  /** Undefined: `restic`, from PATH. */
  readonly program?: string | undefined
}

export interface BackupProgress {
  readonly step: 'copy' | 'check' | 'store' | 'tidy'
  /** Of the step `store`, from 0 to 1. */
  readonly fraction: number
  /** Bytes of everything that belongs to the snapshot, as far as they were counted. */
  readonly totalBytes: number
}

export interface BackupResult {
  readonly snapshot: string
  readonly events: number
  readonly files: number
  readonly totalBytes: number
  /** What this snapshot needed beyond those before. */
  readonly addedBytes: number
  /** Whether files vanished while they were copied, as deleted media do. */
  readonly incomplete: boolean
}

/** Snapshots of all that the server keeps, in a repository of restic: encrypted, and only what changed. */
export interface Backup {
  /** Where it goes, without secrets; undefined: no backup is set up. */
  target(): string | undefined
  /**
   * Tries a target, makes a repository there if there is none, and keeps it as the target from then on.
   * Rejects with a `BackupProblem`, and nothing has changed.
   */
  prepare(target: BackupTarget): Promise<{ readonly created: boolean }>
  /** Rejects with a `BackupProblem`: `not-set-up`, `locked` while another one runs, ... */
  run(signal: AbortSignal, onProgress?: (progress: BackupProgress) => void): Promise<BackupResult>
  /** Restores the newest snapshot beside the data and looks whether it would do. */
  test(signal: AbortSignal): Promise<TestResult>
  /** Of this server, oldest first. */
  snapshots(): Promise<readonly Snapshot[]>
  /** Of the run under way. */
  readonly progress: BackupProgress | undefined
}

/** How many snapshots are kept: of days, weeks and months; and the one before, whatever day it is of. */
const keep = ['--keep-last', '2', '--keep-daily', '7', '--keep-weekly', '4', '--keep-monthly', '12']
/** Of free space, that stays free. */
const spared = 64 * 1024 * 1024
/** restic: some files could not be read. */
const someUnreadable = 3

export function createBackup(deps: BackupDeps): Backup {
  const { storage, directory, serverName, clock, timers } = deps
  const own = backupDirectory(directory)
  let busy = false
  let progress: BackupProgress | undefined

  const access = () => configuredAccess(own, deps.configured, deps.environment) ?? savedAccess(own, deps.environment)
  const resticFor = (found: RepositoryAccess): Restic => createRestic(found, timers, deps.program)

  function restic(): Restic {
    const found = access()
    if (!found) throw new BackupProblem('not-set-up', 'No backup is set up: nobody said where it should go.')
    return resticFor(found)
  }

  /** One at a time; restic's own lock keeps other machines away. */
  async function alone<Result>(action: () => Promise<Result>): Promise<Result> {
    if (busy) throw new BackupProblem('locked', 'A backup is being made or tested at the moment.')
    busy = true
    try {
      return await action()
    } finally {
      busy = false
      progress = undefined
    }
  }

  /** Copies the database and says what the snapshot will hold. */
  async function stage(staging: string, signal: AbortSignal, report: (step: BackupProgress['step']) => void) {
    report('copy')
    await rm(staging, { recursive: true, force: true })
    makePrivateDirectory(own)
    await mkdir(staging, { mode: 0o700 })
    await needSpace(directory)
    const createdAt = clock.now()
    const copy = join(staging, 'hausbote.db')
    await storage.backup(copy)
    await chmod(copy, 0o600)
    report('check')
    const { problem, ...facts } = await checkDatabase(copy, signal)
    // Good snapshots must not be driven out by bad ones.
    if (problem !== undefined) throw new BackupProblem('damaged', `The database of this server is damaged: ${problem}`)
    await writeFile(join(staging, 'manifest.json'), writeManifest({ program: deps.version, serverName, createdAt, ...facts }))
    return facts
  }

  async function run(signal: AbortSignal, onProgress?: (progress: BackupProgress) => void): Promise<BackupResult> {
    const program = restic()
    const staging = join(directory, stagingName)
    const report = (step: BackupProgress['step'], fraction = 0, totalBytes = 0) => {
      progress = { step, fraction, totalBytes }
      onProgress?.(progress)
    }
    try {
      const facts = await stage(staging, signal, report)
      report('store')
      let summary: Readonly<Record<string, unknown>> = {}
      const code = await program(
        ['backup', '--host', serverName, '--tag', tag, ...namesToKeep(directory), stagingName],
        {
          directory,
          signal,
          onLine(line) {
            if (line.message_type === 'summary') summary = line
            if (line.message_type === 'status') report('store', numberIn(line, 'percent_done'), numberIn(line, 'total_bytes'))
          },
        },
        [someUnreadable],
      )
      report('tidy', 1)
      await forget(program, signal)
      return {
        snapshot: String(summary.snapshot_id),
        events: facts.events,
        files: numberIn(summary, 'total_files_processed'),
        totalBytes: numberIn(summary, 'total_bytes_processed'),
        addedBytes: numberIn(summary, 'data_added'),
        incomplete: code === someUnreadable,
      }
    } finally {
      await rm(staging, { recursive: true, force: true })
    }
  }

  /** Old snapshots go each time; looking for what they alone needed is dear, and done once a week. */
  async function forget(program: Restic, signal: AbortSignal): Promise<void> {
    const weekly = new Date(clock.now()).getDay() === 0
    const prune = weekly ? ['--prune'] : []
    const words = ['forget', '--host', serverName, '--tag', tag, '--group-by', 'host', ...keep, ...prune]
    try {
      await program(words, { signal })
    } catch (error) {
      if (!(error instanceof BackupProblem && error.kind === 'locked')) throw error
      // Left by a process that was killed; this removes dead locks only.
      await program(['unlock'], { signal })
      await program(words, { signal })
    }
  }

  async function prepare(target: BackupTarget): Promise<{ created: boolean }> {
    const problem = targetProblem(target, directory)
    if (problem) throw new BackupProblem('bad-target', problem)
    const trial = join(own, 'trial')
    try {
      saveTarget(trial, target)
      const found = savedAccess(trial, deps.environment)
      if (!found) throw new Error('the target was not saved')
      const result = await openOrCreate(resticFor({ ...found, sshDirectory: own }))
      saveTarget(own, target)
      return result
    } finally {
      await rm(trial, { recursive: true, force: true })
    }
  }

  return {
    target() {
      const found = access()
      return found && repositoryName(found.repository)
    },
    prepare: (target) => alone(() => prepare(target)),
    run: (signal, onProgress) => alone(() => run(signal, onProgress)),
    test: (signal) => alone(() => testRestore({ ...deps, restic: restic(), workspace: join(own, 'test') }, signal)),
    snapshots: async () => snapshotsIn(restic(), serverName),
    get progress() {
      return progress
    },
  }
}

/** The copy of the database must not be what fills the disk. Rejects with a `BackupProblem`. */
async function needSpace(directory: string): Promise<void> {
  const needed =
    (await stat(join(directory, 'hausbote.db'))).size + (await stat(join(directory, 'hausbote.db-wal'))).size + spared
  const free = await freeBytes(directory)
  if (free < needed)
    throw new BackupProblem('no-space', `The backup needs ${needed} bytes for a copy of the database, and ${free} are free.`)
}

function numberIn(line: Readonly<Record<string, unknown>>, name: string): number {
  const value = line[name]
  return typeof value === 'number' ? value : 0
}
