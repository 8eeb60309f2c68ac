import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemTimers } from '../../src/platform/clock.ts'
import { type Reader, statement, type Writer } from '../../src/storage/handles.ts'
import type { StorageProblem } from '../../src/storage/problems.ts'
import { openStorage, type Storage, type StorageOptions } from '../../src/storage/storage.ts'

const kernelTables = 'CREATE TABLE kernel_values (name text PRIMARY KEY NOT NULL, value integer NOT NULL) WITHOUT ROWID;'
const notesTable = 'CREATE TABLE notes (id integer PRIMARY KEY, text text NOT NULL);'

const insertNote = statement<[number, string], never>('INSERT INTO notes (id, text) VALUES (?, ?)')
const noteIds = statement<[], number>('SELECT id FROM notes ORDER BY id', 'pluck')

export const note = (tx: Writer, id: number, text = `note ${id}`) => void insertNote(tx).run(id, text)
export const notesOf = (reader: Reader): number[] => noteIds(reader).all()

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-storage-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Migration files: the kernel's table and one for notes, then `more`. */
export function migrationsWith(more: readonly string[] = []): string {
  const directory = temporaryDirectory()
  for (const [index, sql] of [kernelTables + notesTable, ...more].entries()) {
    writeFileSync(join(directory, `${String(index).padStart(4, '0')}_step.sql`), sql)
  }
  return directory
}

export interface OpenStorage extends Storage {
  readonly directory: string
  readonly migrations: string
  /** What `onFatal` was called with. */
  readonly fatal: readonly StorageProblem[]
}

export function open(options: Partial<StorageOptions> = {}): OpenStorage {
  const fatal: StorageProblem[] = []
  const all: StorageOptions = {
    directory: temporaryDirectory(),
    migrations: migrationsWith(),
    timers: systemTimers,
    onFatal: (problem) => fatal.push(problem),
    checkpoints: false,
    ...options,
  }
  const storage = openStorage(all)
  onTestFinished(() => storage.close())
  return Object.defineProperties({} as OpenStorage, {
    ...Object.getOwnPropertyDescriptors(storage),
    ...Object.getOwnPropertyDescriptors({ directory: all.directory, migrations: all.migrations, fatal }),
  })
}

/** A disk whose every sync waits for the test. */
export function handMadeSync() {
  const waiting: { resolve(): void; reject(error: Error): void }[] = []
  let arrived: (() => void) | undefined
  const oldest = () => {
    const call = waiting.shift()
    if (!call) throw new Error('nothing waits for the disk')
    return call
  }
  return {
    sync: () =>
      new Promise<void>((resolve, reject) => {
        waiting.push({ resolve, reject })
        arrived?.()
      }),
    /** Resolves when a sync is under way. */
    async asked(): Promise<void> {
      if (waiting.length === 0) await new Promise<void>((resolve) => (arrived = resolve))
    },
    get waiting() {
      return waiting.length
    },
    finish: () => oldest().resolve(),
    fail: (message: string) => oldest().reject(Object.assign(new Error(message), { code: 'EIO' })),
  }
}

/** All microtasks, immediates and what they set in motion. */
export async function turn(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** Whether a promise is settled already. */
export function watch(promise: Promise<unknown>): { state: 'pending' | 'resolved' | 'rejected' } {
  const watched: { state: 'pending' | 'resolved' | 'rejected' } = { state: 'pending' }
  promise.then(
    () => (watched.state = 'resolved'),
    () => (watched.state = 'rejected'),
  )
  return watched
}
