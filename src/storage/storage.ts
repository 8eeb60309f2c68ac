import { closeSync, fdatasync, fdatasyncSync, fsyncSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Sqlite from 'better-sqlite3'
import type { Timers } from '../platform/clock.ts'
import { type Checkpointer, createCheckpointer } from './checkpointer.ts'
import { createConnections } from './connections.ts'
import type { Position, Reader, WakeKey, Writer } from './handles.ts'
import { lockDirectory } from './lock.ts'
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
}

interface Pending {
  succeed(): void
  fail(error: unknown): void
  readonly visible: (() => void)[]
  readonly undone: (() => void)[]
}

interface Group {
  readonly pending: Pending[]
  readonly wakes: Set<WakeKey>
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
  const clock = createPositionClock(database.raw)
  const waiters = createWaiters(options.timers)
  const checkpointer: Checkpointer | undefined =
    options.checkpoints === false ? undefined : createCheckpointer(file, options.timers)

  let visible: Position = clock.last
  let group: Group | undefined
  let hardening = false
  let scheduled = false
  let current: Pending | undefined
  let stopped: StorageProblem | undefined
  let idle: (() => void)[] = []

  const reader: Reader = {
    ...snapshot,
    get position() {
      return visible
    },
  }
  const writer: Writer = {
    ...database,
    writable: true,
    snapshot: reader,
    get position() {
      return clock.last
    },
    nextPosition: () => clock.next(),
    wake: (key) => group?.wakes.add(key),
    whenVisible: (action) => current?.visible.push(action),
    whenUndone: (action) => current?.undone.push(action),
  }

  function openGroup(): Group {
    statements.begin.run()
    return { pending: [], wakes: new Set(), changesBefore: statements.changes.get() as number }
  }

  function write<Result>(action: (tx: Writer) => Result): Promise<Result> {
    if (stopped) return Promise.reject(stopped)
    if (current) return Promise.reject(new Error('a write inside a write'))
    return new Promise((resolve, reject) => {
      let result: Result
      const pending: Pending = { succeed: () => resolve(result), fail: reject, visible: [], undone: [] }
      try {
        group ??= openGroup()
        statements.savepoint.run()
        current = pending
        result = action(writer)
        statements.release.run()
        group.pending.push(pending)
        current = undefined
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
    if (group && !database.raw.inTransaction) failGroup(group, failed)
    else if (group) {
      statements.rollbackTo.run()
      statements.release.run()
      schedule()
    }
    clock.forgetReservation()
    for (const action of pending.undone) action()
    pending.fail(failed)
    reportFatal(failed)
  }

  function failGroup(failed: Group, error: unknown): void {
    if (group === failed) group = undefined
    if (database.raw.inTransaction) statements.rollback.run()
    clock.forgetReservation()
    for (const pending of failed.pending) {
      for (const action of pending.undone) action()
      pending.fail(error)
    }
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
    group = undefined
    const last = clock.last
    const changed = (statements.changes.get() as number) !== committing.changesBefore
    try {
      statements.commit.run()
    } catch (error) {
      const failed = storageProblem(error) ?? error
      failGroup(committing, failed)
      reportFatal(failed)
      return settleIdle()
    }
    if (!changed) return publish(committing, last)
    hardening = true
    sync(logFile).then(
      () => {
        hardening = false
        publish(committing, last)
      },
      (error) => {
        hardening = false
        const failed = new StorageProblem('unsafe', 'The disk failed to make data safe; nothing more is accepted.', error)
        failGroup(committing, failed)
        if (group) failGroup(group, failed)
        reportFatal(failed)
        settleIdle()
      },
    )
  }

  /** The group is on disk: move the readers' snapshot, answer, then wake. */
  function publish(done: Group, last: Position): void {
    statements.moveSnapshot()
    visible = last
    for (const pending of done.pending) for (const action of pending.visible) action()
    for (const pending of done.pending) pending.succeed()
    // Those who wrote are answered before those who wait start to work.
    if (done.wakes.size > 0) setImmediate(() => waiters.wake(done.wakes))
    checkpointer?.wrote()
    if (checkpointer?.restartDue) restartLog()
    if (group) commit()
    else settleIdle()
  }

  /** Lets the log begin anew: nothing may be open, and the readers must not look into it. */
  function restartLog(): void {
    if (group) {
      // A checkpoint is impossible inside a transaction.
      const committed = group
      group = undefined
      const last = clock.last
      try {
        statements.commit.run()
        fdatasyncSync(logFile)
      } catch (error) {
        const failed = storageProblem(error) ?? error
        failGroup(committed, failed)
        return reportFatal(failed)
      }
      checkpoint()
      publish(committed, last)
      return
    }
    checkpoint()
  }

  function checkpoint(): void {
    statements.releaseSnapshot()
    try {
      database.raw.pragma('wal_checkpoint(PASSIVE)')
    } finally {
      statements.moveSnapshot()
      checkpointer?.restarted()
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

  return {
    reader,
    write,
    waiters,
    idle: whenIdle,
    async backup(target) {
      await whenIdle()
      const source = new Sqlite(file, { readonly: true })
      try {
        await source.backup(target)
      } finally {
        source.close()
      }
    },
    async close() {
      waiters.close()
      await whenIdle()
      stopped ??= new StorageProblem('closed', 'The database is closed.')
      await checkpointer?.close()
      snapshot.raw.close()
      database.raw.close()
      closeSync(logFile)
      unlock()
    },
  }
}

/** A new file survives a power cut only once its directory is on disk. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
