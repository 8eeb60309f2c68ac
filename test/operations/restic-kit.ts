import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { createBackup } from '../../src/operations/backup/backup.ts'
import { type RestoreWish, stageRestore } from '../../src/operations/backup/restore.ts'
import { systemTimers } from '../../src/platform/clock.ts'
import { silentLog } from '../../src/platform/log.ts'
import { handMovedClock } from '../support/clock.ts'
import { seededRandom } from '../support/random.ts'
import { createWorld } from '../support/world.ts'

export const resticIsMissing = spawnSync('restic', ['version']).status !== 0
if (resticIsMissing)
  process.stderr.write('!!! The program restic is missing (Debian: apt install restic): backups are NOT tested.\n')

/** A test with the real restic, which makes each guess of a passphrase, and so each of its runs, last half a second on purpose. */
export function resticTest(name: string, action: () => Promise<void>): void {
  test.skipIf(resticIsMissing)(name, { timeout: 120_000 }, action)
}

export const passphrase = 'correct horse battery'
export const environment = { PATH: process.env.PATH }
const migrations = join(import.meta.dirname, '..', '..', 'drizzle')
export const never = new AbortController().signal

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-backup-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A server in use, and its backup in a directory. */
export async function backedUpServer(seen: Readonly<Record<string, string | undefined>> = environment) {
  const world = await createWorld()
  const server = await world.server('a.test')
  const repository = join(temporaryDirectory(), 'repository')
  const backup = createBackup({
    storage: server.app.storage,
    directory: server.directory,
    serverName: 'a.test',
    version: '1.2.3',
    clock: world.clock,
    timers: systemTimers,
    log: silentLog,
    configured: { repository: undefined, passphraseFile: undefined },
    environment: seen,
  })
  return { world, server, backup, repository, target: { repository, passphrase } }
}

/** Restores into a fresh directory, or the given one. */
export function restoring(repository: string, directory = join(temporaryDirectory(), 'data')) {
  const deps = {
    directory,
    migrations,
    clock: handMovedClock(),
    timers: systemTimers,
    random: seededRandom('restore'),
    environment,
  }
  const wish = { target: { repository, passphrase }, snapshot: 'latest', serverName: 'a.test' }
  return { directory, stage: (more: Partial<RestoreWish> = {}) => stageRestore(deps, { ...wish, ...more }, never) }
}

/** restic itself, as an attacker or a repairer would use it. */
export function restic(repository: string, words: readonly string[], directory?: string): string {
  const env = {
    ...environment,
    RESTIC_REPOSITORY: repository,
    RESTIC_PASSWORD: passphrase,
    RESTIC_CACHE_DIR: join(repository, '..', 'cache'),
  }
  return execFileSync('restic', words, { env, cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Files of a repository that hold the data. */
export function packs(repository: string): readonly string[] {
  const data = join(repository, 'data')
  return readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** A tree as a snapshot holds one, whose files say nothing of use. */
export function fakeTree(): string {
  const tree = temporaryDirectory()
  mkdirSync(join(tree, 'backup/staging'), { recursive: true })
  mkdirSync(join(tree, 'media/contents'), { recursive: true })
  writeFileSync(join(tree, 'backup/staging/hausbote.db'), '')
  const manifest = { format: 1, program: '1', schema: 1, serverName: 'a.test', createdAt: 1, position: 1, events: 0, users: 0 }
  writeFileSync(join(tree, 'backup/staging/manifest.json'), JSON.stringify(manifest))
  writeFileSync(join(tree, 'signing.key'), 'ed25519 a AAAA')
  return tree
}
