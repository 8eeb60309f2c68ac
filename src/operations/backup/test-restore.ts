import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { checkDatabase } from './check.ts'
import { stagingName } from './contents.ts'
import { fetchSnapshot, makeTree } from './fetch.ts'
import { BackupProblem } from './problems.ts'
import { type Snapshot, snapshotsIn } from './repository.ts'
import type { Restic } from './restic.ts'

export interface TestResult {
  readonly snapshot: string
  /** When it was made; RFC 3339. */
  readonly madeAt: string
  readonly events: number
  readonly users: number
  readonly bytes: number
  /** Whether media were restored too, or there was no space for them. */
  readonly media: boolean
}

export interface TestDeps {
  readonly restic: Restic
  /** The data directory. */
  readonly directory: string
  readonly serverName: string
  /** A directory of this test alone. */
  readonly workspace: string
}

/** Media files whose contents are compared with their names. */
const samples = 50

/** Restores the newest snapshot beside the data and compares it with what it says about itself. Rejects with a `BackupProblem`. */
export async function testRestore(deps: TestDeps, signal: AbortSignal): Promise<TestResult> {
  const { restic, workspace, directory } = deps
  const snapshot = (await snapshotsIn(restic, deps.serverName, signal)).at(-1)
  if (!snapshot) throw new BackupProblem('no-snapshot', 'There is no snapshot of this server yet.')
  await rm(workspace, { recursive: true, force: true })
  try {
    await makeTree(workspace)
    const { manifest, bytes, media } = await fetchSnapshot(restic, { snapshot, tree: workspace, mediaIfPossible: true, signal })
    const facts = await checkDatabase(join(workspace, stagingName, 'hausbote.db'), signal)
    if (facts.problem !== undefined) throw new BackupProblem('damaged', `The restored database is damaged: ${facts.problem}`)
    if (facts.events !== manifest.events || facts.users !== manifest.users)
      throw new BackupProblem('damaged', 'The restored database does not hold what it should.')
    const [before, after] = await Promise.all([directory, workspace].map((place) => readFile(join(place, 'signing.key'), 'utf8')))
    if (before !== after) throw new BackupProblem('damaged', 'The restored signing key is not the one of this server.')
    if (media) await checkMedia(join(workspace, 'media', 'contents'))
    return { ...named(snapshot), events: facts.events, users: facts.users, bytes, media }
  } finally {
    await rm(workspace, { recursive: true, force: true })
  }
}

function named({ id, time }: Snapshot): Pick<TestResult, 'snapshot' | 'madeAt'> {
  return { snapshot: id, madeAt: time }
}

async function checkMedia(contents: string): Promise<void> {
  let left = samples
  for (const shelf of await shelves(contents)) {
    for (const name of await readdir(join(contents, shelf))) {
      if (left-- === 0) return
      const hash = createHash('sha256')
      await pipeline(createReadStream(join(contents, shelf, name)), hash)
      if (hash.digest('hex') !== name) throw new BackupProblem('damaged', 'A restored file is not what it was.')
    }
  }
}

/** None where no file was ever stored. */
async function shelves(contents: string): Promise<readonly string[]> {
  try {
    return await readdir(contents)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
