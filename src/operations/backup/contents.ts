import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Type, { type Static } from 'typebox'
import { checkBody } from '../../http/validation.ts'
import { BackupProblem } from './problems.ts'

/** Of a snapshot; a program refuses those that it does not know. */
const format = 1

/** What a snapshot says about itself. */
const manifestSchema = Type.Object({
  format: Type.Integer({ minimum: 1 }),
  /** Version of the program that made it. */
  program: Type.String({ maxLength: 64 }),
  /** Migrations of the database. */
  schema: Type.Integer({ minimum: 0 }),
  serverName: Type.String({ maxLength: 255 }),
  /** Milliseconds since the epoch. */
  createdAt: Type.Integer({ minimum: 0 }),
  position: Type.Integer({ minimum: 0 }),
  events: Type.Integer({ minimum: 0 }),
  users: Type.Integer({ minimum: 0 }),
})
export type Manifest = Static<typeof manifestSchema>

/** Files and directories of the data directory that go into a snapshot as they are, under their own names, if they are there. */
const kept: readonly { readonly name: string; readonly required: boolean; readonly inside?: RegExp }[] = [
  { name: 'signing.key', required: true },
  { name: 'old-signing.keys', required: false },
  { name: 'media/contents', required: false, inside: /^[0-9a-f]{2}(\/[0-9a-f]{64})?$/ },
  { name: 'certificates', required: false, inside: /^[a-z0-9][a-z0-9.-]{0,80}$/ },
]

/** Holds what is made for the snapshot alone: the copy of the database and the manifest. */
export const stagingName = 'backup/staging'
const stagedFiles: readonly string[] = ['hausbote.db', 'manifest.json']

/** Names in the data directory that a snapshot takes as they are. */
export function namesToKeep(dataDirectory: string): readonly string[] {
  const present = kept.filter(({ name }) => existsSync(join(dataDirectory, name)))
  const missing = kept.find((entry) => entry.required && !present.includes(entry))
  if (missing) throw new BackupProblem('failed', `There is no ${missing.name} in the data directory.`)
  return present.map(({ name }) => name)
}

/** Top-level names that a restore puts into the data directory. */
export const restoredNames: readonly string[] = [...new Set(kept.map(({ name }) => name.split('/')[0] ?? '')), 'hausbote.db']

/** What else lies in the data directory, and is no part of a snapshot. */
export const leftOutNames: readonly string[] = [
  // The copy is made from the open database.
  ...['hausbote.db-wal', 'hausbote.db-shm', 'hausbote.lock', 'control.sock'],
  // A snapshot must not open itself.
  'backup',
  'restore',
]

/** Whether a snapshot may hold this: a path without a leading slash, a file or a directory. */
export function belongs(path: string, kind: 'file' | 'directory'): boolean {
  if (kind === 'directory' && [stagingName, ...kept.map(({ name }) => name)].some((name) => name.startsWith(`${path}/`)))
    return true
  if (path === stagingName) return kind === 'directory'
  if (path.startsWith(`${stagingName}/`)) return kind === 'file' && stagedFiles.includes(path.slice(stagingName.length + 1))
  const entry = kept.find(({ name }) => path === name || path.startsWith(`${name}/`))
  if (!entry) return false
  if (path === entry.name) return (kind === 'directory') === (entry.inside !== undefined)
  return entry.inside?.test(path.slice(entry.name.length + 1)) === true
}

/** What every snapshot has. */
export const requiredPaths: readonly string[] = [
  ...stagedFiles.map((name) => `${stagingName}/${name}`),
  ...kept.filter(({ required }) => required).map(({ name }) => name),
]

export function writeManifest(facts: Omit<Manifest, 'format'>): string {
  return `${JSON.stringify({ format, ...facts })}\n`
}

/** Throws a `BackupProblem`: `foreign` or `newer`. */
export function readManifest(text: string): Manifest {
  const value = parse(text)
  if (
    typeof value === 'object' &&
    value !== null &&
    'format' in value &&
    typeof value.format === 'number' &&
    value.format > format
  )
    throw new BackupProblem('newer', 'The backup was made by a newer version of Hausbote. Install that version first.')
  if (checkBody(manifestSchema, value)) throw new BackupProblem('foreign', 'The backup does not say what it holds.')
  return value as Manifest
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
