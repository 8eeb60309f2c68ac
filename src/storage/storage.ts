import { closeSync, fdatasync, fdatasyncSync, fstatSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Timers } from '../platform/clock.ts'
import { backUp } from './backup.ts'
import { type Checkpointer, createCheckpointer } from './checkpointer.ts'
import { createConnections } from './connections.ts'
import type { Position, Reader, WakeKey, Writer } from './handles.ts'
import { lockDirectory, syncDirectory } from './lock.ts'
import { createPositionClock } from './position-clock.ts'
import { StorageProblem, storageProblem } from './problems.ts'
import { createWaiters, type Waiters } from './waiters.ts'

/**
 * The SQLite kernel: one writer, durable group commits that never block the event loop, and readers that see only what is on disk.
 *
 * Writes run at once, one savepoint each, inside an open transaction (the group). A group is committed without fsync as soon as the
 * one before it is safe; then one `fdatasync` of the write-ahead log on the thread pool makes it durable. Only then does the readers'
 * snapshot move, are the writers answered and the waiting woken. While that takes its time, the next group fills.
 */
export interface Storage {
  /** Sees what is on disk for certain; consistent within one synchronous block. */
  readonly reader: Reader
  /** Runs `action` as one all-or-nothing change. Resolves with its result when that is on disk; rejects, with everything undone, if it throws. */
  write<Result>(action: (tx: Writer) => Result): Promise<Result>
  readonly waiters: Waiters
  /** Resolves when no write is under way. */
  idle(): Promise<void>
  /** Writes a consistent copy of the database, while others read and write. */
  backup(file: string): Promise<void>
  /** Size of the write-ahead log. */
  readonly logBytes: number
  /** Finishes the writes under way and refuses further ones. */
  close(): Promise<void>
}

export interface StorageOptions {
  readonly directory: string
  readonly migrations: string
  readonly timers: Timers
  /** A disk that cannot be trusted any more: the process should end. */
  readonly onFatal: (problem: StorageProblem) => void
  /** Makes the log durable; replaced in tests by a slow or failing one. */
  readonly sync?: (fileDescriptor: number) => Promise<void>
  /** False: nothing is moved out of the log before `close` (short-lived tests). */
  readonly checkpoints?: boolean
  /** Pages of 4 KiB in the log beyond which it begins anew. */
  readonly restartPages?: number
}

interface Pending {
  succeed(): void
  fail(error: unknown): void
  readonly wakes: WakeKey[]
  readonly visible: (() => void)[]
  readonly undone: (() => void)[]
}

interface Group {
  readonly pending: Pending[]
  readonly changesBefore: number
}

const syncFile = promisify(fdatasync)

export function openStorage(options: StorageOptions): Storage {
  const unlock = lockDirectory(options.directory)
  try {
    return createStorage(options, unlock)
  } catch (error) {
    unlock()
    throw storageProblem(error) ?? error
  }
}

function createStorage(options: StorageOptions, unlock: () => void): Storage {
  const file = join(options.directory, 'hausbote.db')
  const { writer: database, reader: snapshot, statements } = createConnections(file, options.migrations)
  const logFile = openSync(`${file}-wal`, 'r+')
  syncDirectory(options.directory)
  const sync = options.sync ?? syncFile
  const clock = createPositionClock(database)
  const waiters = createWaiters(options.timers)
  const checkpointer: Checkpointer | undefined =
    options.checkpoints === false ? undefined : createCheckpointer(file, options.timers, options.restartPages)

  let visible: Position = clock.last
  let group: Group | undefined
  let hardening = false
  let scheduled = false
  let current: Pending | undefined
  let stopped: StorageProblem | undefined
  let closing: Promise<void> | undefined
  let idle: (() => void)[] = []

  const reader: Reader = {
    raw: snapshot,
    get position() {
      return visible
    },
  }
  const writer: Writer = {
    raw: database,
    writable: true,
    snapshot: reader,
    get position() {
      return clock.last
    },
    nextPosition(skip) {
      underWay()
      return clock.next(skip)
    },
    wake: (key) => underWay().wakes.push(key),
    whenVisible: (action) => underWay().visible.push(action),
    whenUndone: (action) => underWay().undone.push(action),
  }

  /** The write that runs now; a writer that outlived its write must not change another one. */
  function underWay(): Pending {
    if (!current) throw new Error('a writer was used after its write')
    return current
  }

  function openGroup(): Group {
    statements.begin.run()
    return { pending: [], changesBefore: statements.changes.get() as number }
  }

  function write<Result>(action: (tx: Writer) => Result): Promise<Result> {
    if (stopped) return Promise.reject(stopped)
    if (closing) return Promise.reject(new StorageProblem('closed', 'The database is closed.'))
    if (current) return Promise.reject(new Error('a write inside a write'))
    return new Promise((resolve, reject) => {
      let result: Result
      const pending: Pending = { succeed: () => resolve(result), fail: reject, wakes: [], visible: [], undone: [] }
      try {
        group ??= openGroup()
        statements.savepoint.run()
        current = pending
        result = action(writer)
        if (isPromise(result)) throw new Error('a write must be synchronous')
        current = undefined
        statements.release.run()
        group.pending.push(pending)
        schedule()
      } catch (error) {
        current = undefined
        undo(pending, error)
      }
    })
  }

  /** Takes back one write. A full or failing disk makes SQLite take back the whole transaction, and every write of the group with it. */
  function undo(pending: Pending, error: unknown): void {
    const failed = storageProblem(error) ?? error
    const lost = group && !database.inTransaction ? group : undefined
    if (group && !lost) {
      statements.rollbackTo.run()
      statements.release.run()
      schedule()
    }
    reject(pending, failed)
    if (lost) failGroup(lost, failed)
    reportFatal(failed)
  }

  function failGroup(failed: Group, error: unknown): void {
    if (group === failed) {
      group = undefined
      if (database.inTransaction) statements.rollback.run()
    }
    for (const pending of failed.pending.toReversed()) reject(pending, error)
  }

  /** The latest first, as far as caches are concerned. */
  function reject(pending: Pending, error: unknown): void {
    // Perhaps it was the write that reserved positions.
    clock.forgetReservation()
    runAll(pending.undone.reverse())
    pending.fail(error)
  }

  function reportFatal(error: unknown): void {
    if (!(error instanceof StorageProblem) || (error.kind !== 'unsafe' && error.kind !== 'corrupt') || stopped) return
    stopped = error
    options.onFatal(error)
  }

  /** Commits at the end of this turn of the event loop, so that all its writes share one commit. */
  function schedule(): void {
    if (hardening || scheduled) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      commit()
    })
  }

  function commit(): void {
    if (!group || hardening) return settleIdle()
    const committing = group
    const last = clock.last
    const changed = (statements.changes.get() as number) !== committing.changesBefore
    if (!endGroup(committing)) return settleIdle()
    if (!changed) return publish(committing, last)
    hardening = true
    void harden(committing, last)
  }

  /** Commits the open group, without waiting for the disk. False: it failed, and all its writes with it. */
  function endGroup(committing: Group): boolean {
    try {
      statements.commit.run()
    } catch (error) {
      const failed = storageProblem(error) ?? error
      failGroup(committing, failed)
      reportFatal(failed)
      return false
    }
    group = undefined
    return true
  }

  async function harden(committed: Group, last: Position): Promise<void> {
    try {
      await sync(logFile)
    } catch (error) {
      hardening = false
      return giveUp(unsafe(error), committed)
    }
    hardening = false
    publish(committed, last)
    checkpointer?.wrote()
  }

  /** Nothing more can be promised. What was committed on top of lost data is lost with it. */
  function giveUp(problem: StorageProblem, committed: Group): void {
    if (group) failGroup(group, problem)
    failGroup(committed, problem)
    reportFatal(problem)
    settleIdle()
  }

  /** The group is on disk: move the readers' snapshot, answer, then wake. */
  function publish(done: Group, last: Position): void {
    try {
      statements.moveSnapshot()
    } catch (error) {
      return giveUp(new StorageProblem('unsafe', 'The database cannot be read any more; nothing more is accepted.', error), done)
    }
    visible = last
    for (const pending of done.pending) runAll(pending.visible)
    for (const pending of done.pending) pending.succeed()
    const wakes = new Set(done.pending.flatMap((pending) => pending.wakes))
    // Those who wrote are answered before those who wait start to work.
    if (wakes.size > 0) setImmediate(() => waiters.wake(wakes))
    if (checkpointer?.restartDue) restartLog()
    if (group) commit()
    else settleIdle()
  }

  /** Lets the log begin anew: nothing may be open, and the readers must not look into it. */
  function restartLog(): void {
    // A checkpoint is impossible inside a transaction.
    const committed = group
    const last = clock.last
    if (committed) {
      if (!endGroup(committed)) return
      try {
        fdatasyncSync(logFile)
      } catch (error) {
        return giveUp(unsafe(error), committed)
      }
    }
    checkpoint()
    if (committed) publish(committed, last)
  }

  function checkpoint(): void {
    checkpointer?.restarted()
    try {
      statements.releaseSnapshot()
      database.pragma('wal_checkpoint(PASSIVE)')
    } catch (error) {
      const failed = storageProblem(error) ?? new StorageProblem('unsafe', 'The log cannot be moved into the database.', error)
      // On a full disk the log stays as it is, and the next checkpoint tries again.
      reportFatal(failed)
    } finally {
      statements.moveSnapshot()
    }
  }

  function settleIdle(): void {
    if (group || hardening || scheduled) return
    const waiting = idle
    idle = []
    for (const resolve of waiting) resolve()
  }

  function whenIdle(): Promise<void> {
    if (!group && !hardening && !scheduled) return Promise.resolve()
    return new Promise((resolve) => idle.push(resolve))
  }

  async function shutDown(): Promise<void> {
    waiters.close()
    await whenIdle()
    await checkpointer?.close()
    snapshot.close()
    database.close()
    closeSync(logFile)
    unlock()
  }

  return {
    reader,
    write,
    waiters,
    idle: whenIdle,
    backup: (target) => backUp(file, target),
    get logBytes() {
      return fstatSync(logFile).size
    },
    close() {
      closing ??= shutDown()
      return closing
    },
  }
}

function unsafe(cause: unknown): StorageProblem {
  return new StorageProblem('unsafe', 'The disk failed to make data safe; nothing more is accepted.', cause)
}

/** Runs every action; the fault of one, a fault of the program, ends the process instead of the others. */
function runAll(actions: readonly (() => void)[]): void {
  for (const action of actions) {
    try {
      action()
    } catch (error) {
      setImmediate(() => {
        throw error
      })
    }
  }
}

function isPromise(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}
