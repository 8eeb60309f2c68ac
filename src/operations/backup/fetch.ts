import type { Dirent } from 'node:fs'
import { lstat, mkdir, opendir, readFile, statfs } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { belongs, type Manifest, readManifest, requiredPaths, stagingName } from './contents.ts'
import { BackupProblem } from './problems.ts'
import { listEntries, type Snapshot } from './repository.ts'
import type { Restic } from './restic.ts'

export interface Fetched {
  readonly manifest: Manifest
  readonly files: number
  readonly bytes: number
  /** Whether media were fetched too. */
  readonly media: boolean
}

export interface FetchWish {
  readonly snapshot: Snapshot
  /** An existing, empty directory. */
  readonly tree: string
  /** Leaves media out where there is no space for them. */
  readonly mediaIfPossible: boolean
  readonly signal: AbortSignal
  onProgress?(fraction: number): void
}

/** Entries of a snapshot that are looked through at most. */
const maxEntries = 5_000_000
/** Of free space, that stays free. */
const margin = 64 * 1024 * 1024

/**
 * Puts a snapshot into `tree`, after a look at what it would bring: only what this program puts into snapshots, only files and directories,
 * and no more than there is space for. Rejects with a `BackupProblem`: `foreign`, `no-space`, `damaged`, ...
 */
export async function fetchSnapshot(restic: Restic, wish: FetchWish): Promise<Fetched> {
  const { snapshot, tree, signal } = wish
  const plan = await lookThrough(restic, snapshot, signal)
  const free = await freeBytes(tree)
  const media = plan.bytes + margin <= free
  if (!media && (!wish.mediaIfPossible || plan.bytes - plan.mediaBytes + margin > free))
    throw new BackupProblem('no-space', `The backup needs ${plan.bytes + margin} bytes, and ${free} are free.`)
  wish.onProgress?.(0)
  await restic(['restore', snapshot.id, '--no-lock', '--target', tree, ...(media ? [] : ['--exclude', '/media'])], {
    signal,
    onLine: (line) => typeof line.percent_done === 'number' && wish.onProgress?.(line.percent_done),
  })
  await checkTree(tree)
  const manifest = readManifest(await readFile(join(tree, stagingName, 'manifest.json'), 'utf8'))
  return { manifest, files: plan.files, bytes: plan.bytes, media }
}

interface Plan {
  readonly files: number
  readonly bytes: number
  readonly mediaBytes: number
}

async function lookThrough(restic: Restic, snapshot: Snapshot, signal: AbortSignal): Promise<Plan> {
  const missing = new Set(requiredPaths)
  const plan = { files: 0, bytes: 0, mediaBytes: 0 }
  let entries = 0
  let foreign: string | undefined
  await listEntries(
    restic,
    snapshot.id,
    ({ path, type, size }) => {
      entries += 1
      missing.delete(path)
      const kind = type === 'dir' ? 'directory' : type === 'file' ? 'file' : undefined
      if (kind === undefined || !belongs(path, kind)) foreign ??= path
      if (kind === 'file') plan.files += 1
      plan.bytes += size
      if (path.startsWith('media/')) plan.mediaBytes += size
    },
    signal,
  )
  if (foreign !== undefined) throw foreignEntry(foreign)
  if (entries > maxEntries) throw new BackupProblem('foreign', `The backup has more than ${maxEntries} files.`)
  const [absent] = missing
  if (absent !== undefined)
    throw new BackupProblem('foreign', `The backup is not one of Hausbote, or not whole: ${absent} is missing.`)
  return plan
}

/** A listing can be one thing and what lies on the disk another. */
async function checkTree(tree: string): Promise<void> {
  const walk = async (directory: string): Promise<void> => {
    for await (const entry of await opendir(directory)) {
      const path = join(directory, entry.name)
      const name = relative(tree, path)
      const kind = kindOf(entry)
      if (kind === undefined || !belongs(name, kind)) throw foreignEntry(name)
      if (kind === 'directory') await walk(path)
      else if ((await lstat(path)).nlink !== 1) throw foreignEntry(name)
    }
  }
  await walk(tree)
}

function kindOf(entry: Dirent): 'file' | 'directory' | undefined {
  if (entry.isFile()) return 'file'
  return entry.isDirectory() ? 'directory' : undefined
}

function foreignEntry(path: string): BackupProblem {
  return new BackupProblem(
    'foreign',
    `The backup holds something that does not belong there: ${JSON.stringify(path.slice(0, 200))}`,
  )
}

/** Bytes that this process may still write where `directory` lies. */
export async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}

/** Makes a directory that only this server looks into; it must not exist. */
export async function makeTree(tree: string): Promise<void> {
  await mkdir(tree, { recursive: true, mode: 0o700 })
}
