import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Database } from 'better-sqlite3'

export interface CopyTask {
  readonly database: string
  readonly copies: string
  /** How many migrations the program knows that is about to start. */
  readonly schema: number
  open(file: string): Database
}

/**
 * While nobody has the database open. A version on trial serves nobody outside (its doors are closed), so the copy from before its
 * migration has all that was ever answered, and returning to it loses nothing.
 */
export function keepCopy({ database, copies, schema, open }: CopyTask): { done: string } | { problem: string } {
  if (!existsSync(database)) return { done: 'There is no database yet.' }
  const applied = settle(open(database))
  if (applied === schema) return { done: 'The database fits this version.' }
  const copy = join(copies, `schema-${Math.min(applied, schema)}.db`)
  if (applied < schema) {
    const needed = statSync(database).size * 1.1
    const { bavail, bsize } = statfsSync(copies)
    if (bavail * bsize < needed)
      return { problem: `The disk has no room for a copy of the database before the update (${Math.ceil(needed / 1e6)} MB).` }
    place(database, copy)
    return { done: `Copied the database before its schema changes from ${applied} to ${schema}.` }
  }
  if (!existsSync(copy))
    return {
      problem: `The database was written by a newer version (schema ${applied}, not ${schema}), and there is no older copy.`,
    }
  place(copy, database, `${database}.set-aside`)
  return { done: `Went back to the copy from before the update (schema ${schema}); the newer database is set aside.` }
}

/** Once a version stays, returning to an older copy would lose what was answered since: the way back is closed. */
export function forgetCopies({ database, copies }: Pick<CopyTask, 'database' | 'copies'>): void {
  rmSync(`${database}.set-aside`, { force: true })
  for (const name of readdirSync(copies)) {
    const kept = /^schema-(\d+)\.db$/.exec(name)
    if (kept) renameSync(join(copies, name), join(copies, `before-update-${kept[1]}.db`))
  }
  const old = readdirSync(copies)
    .filter((name) => name.startsWith('before-update-'))
    .sort((a, b) => statSync(join(copies, b)).mtimeMs - statSync(join(copies, a)).mtimeMs)
  for (const name of old.slice(1)) rmSync(join(copies, name))
}

/** Moves everything into the main file; answers the schema that it has. */
function settle(database: Database): number {
  try {
    database.pragma('wal_checkpoint(TRUNCATE)')
    return database.pragma('user_version', { simple: true }) as number
  } finally {
    database.close()
  }
}

/** The file that was there or the whole new one, whenever the power goes; the old one gets the name `aside` too. The folders are mounts. */
function place(from: string, to: string, aside?: string): void {
  const partial = `${to}.partial`
  copyFileSync(from, partial, constants.COPYFILE_FICLONE)
  const file = openSync(partial, 'r+')
  fsyncSync(file)
  closeSync(file)
  if (aside !== undefined) {
    rmSync(aside, { force: true })
    linkSync(to, aside)
  }
  renameSync(partial, to)
  syncFolder(dirname(to))
}

function syncFolder(folder: string): void {
  const file = openSync(folder, 'r')
  fsyncSync(file)
  closeSync(file)
}
