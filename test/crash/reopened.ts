import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type App, createApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { silentLog } from '../../src/platform/log.ts'
import { seededRandom } from '../support/random.ts'
import { createWorld, federating, type TestResponse, type TestServer, type TestUser, type World } from '../support/world.ts'

const cheap = { memory: 8, iterations: 1 }

/** What of the files survives: `killed`: all that was written; `powerless`: what the disk has confirmed. */
export type Death = 'killed' | 'powerless'

/** A world in which one server, `b.test`, ends at a moment that the test chooses, and begins again on what was left. */
export interface Mortal {
  readonly world: World
  readonly b: TestServer
  /** From now on the server lives through so many writes to disk, and ends in the one after. */
  arm(syncs: number): void
  /** Resolves with the answer, or with undefined where the server ends before it is given. */
  orDeath<Result>(work: Promise<Result>): Promise<Result | undefined>
  readonly isDead: boolean
  /** Begins again on the copy of the files; `user` speaks with the new one. */
  reopen(user: TestUser): Promise<TestUser>
  /** Resolves when nothing is under way among the living. */
  quiet(...others: readonly TestServer[]): Promise<void>
}

export async function mortal(death: Death): Promise<Mortal> {
  const world = await createWorld()
  let server: TestServer | undefined
  let left: number | undefined
  let durableBytes = 0
  let copy: string | undefined
  let reopened: App | undefined
  let die: (() => void) | undefined
  const died = new Promise<void>((resolve) => {
    die = resolve
  })
  let release: (() => void) | undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })

  const sync = async () => {
    const log = server && join(server.directory, 'hausbote.db-wal')
    const bytes = log ? statSync(log).size : 0
    if (server && left === 0 && copy === undefined) {
      copy = copyOf(server.directory, death === 'powerless' ? durableBytes : undefined)
      die?.()
    }
    if (copy !== undefined) await released
    if (left !== undefined && left > 0) left -= 1
    durableBytes = bytes
  }
  const network = {
    ...world.network,
    // Whoever is dead asks nobody.
    exchange: (request: Parameters<typeof world.network.exchange>[0]) =>
      copy === undefined ? world.network.exchange(request) : new Promise<never>(() => undefined),
  }
  const b = await world.server('b.test', federating, { sync, network, passwordCost: cheap })
  server = b
  world.network.host('b.test', async (request) => {
    const gone = new Response(null, { status: 502 })
    const app = reopened ?? (copy === undefined ? b.app : undefined)
    if (!app?.federation) return gone
    const answer = Promise.resolve(app.federation.fetch(request))
    return app === b.app ? Promise.race([answer, died.then(() => gone)]) : answer
  })
  // The dead must be able to finish, or the test would wait for it.
  onTestFinished(() => release?.())

  return {
    world,
    b,
    arm(syncs) {
      left = syncs
    },
    orDeath: (work) => Promise.race([work, died.then(() => undefined)]),
    get isDead() {
      return copy !== undefined
    },
    async reopen(user) {
      if (copy === undefined) throw new Error('the server is alive')
      const directory = copy
      const config = loadConfig({
        HAUSBOTE_DATA_DIR: directory,
        HAUSBOTE_SERVER_NAME: 'b.test',
        HAUSBOTE_RATE_LIMITS: 'off',
        HAUSBOTE_ENCRYPT_NEW_ROOMS: 'off',
        ...federating,
      })
      const { clock } = world
      const random = seededRandom(directory)
      const platform = {
        clock,
        timers: clock,
        random,
        log: silentLog,
        checkpoints: false,
        network: world.network,
        passwordCost: cheap,
      }
      const app = await createApp(config, platform, (problem) => {
        throw problem
      })
      reopened = app
      onTestFinished(() => app.close())
      return { ...user, request: (method, path, body) => asUser(app, user, method, path, body) }
    },
    async quiet(...others) {
      for (let turns = 0, asked = 0; turns < 10; turns += 1) {
        if (world.network.underWay > 0 || world.network.asked.length > asked) turns = 0
        asked = world.network.asked.length
        const living = reopened ?? (copy === undefined ? b.app : undefined)
        const idle = living?.storage.idle()
        await (living === b.app ? Promise.race([idle, died]) : idle)
        await Promise.all(others.map((other) => other.settled()))
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

async function asUser(app: App, user: TestUser, method: string, path: string, body?: unknown): Promise<TestResponse> {
  const response = await app.client.request(path, {
    method,
    headers: { authorization: `Bearer ${user.accessToken}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** Copies by another process: closing the database's file here would take SQLite's locks away. */
function copyOf(directory: string, logBytes: number | undefined): string {
  const target = mkdtempSync(join(tmpdir(), 'hausbote-left-'))
  onTestFinished(() => rmSync(target, { recursive: true, force: true }))
  const copied = spawnSync('cp', ['-r', `${directory}/.`, target], { encoding: 'utf8' })
  if (copied.status !== 0) throw new Error(copied.stderr)
  spawnSync('sh', ['-c', `rm -f "${target}"/*.lock "${target}"/*-shm`])
  if (logBytes !== undefined) truncateSync(join(target, 'hausbote.db-wal'), logBytes)
  return target
}
