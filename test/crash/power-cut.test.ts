import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { silentLog } from '../../src/platform/log.ts'
import { seededRandom } from '../support/random.ts'
import { createWorld, type TestServer } from '../support/world.ts'
import { createDice, type Dice } from './dice.ts'
import { act, broken, type People, type Promised } from './promises.ts'

const v3 = '/_matrix/client/v3'
const seed = Number(process.env.HAUSBOTE_CRASH_SEED ?? Date.now() % 1_000_000)

/** A moment at which the power goes: what the disk holds for certain, and what clients were told. */
interface Cut {
  /** Of the log: its length when the last completed sync began. */
  readonly durableBytes: number
  /** The same for the sync before. */
  readonly staleBytes: number
  readonly promised: number
  /** Requests without an answer. */
  readonly underWay: number
}

/** Random requests, several at a time, on a disk whose syncs take their time; the power could have gone at any of `cuts`. */
async function loadedServer(dice: Dice) {
  let server: TestServer | undefined
  let [staleBytes, durableBytes] = [0, 0]
  const sync = async () => {
    // Only what was written before the sync began is safe when it ends.
    const bytes = server ? statSync(join(server.directory, 'hausbote.db-wal')).size : 0
    for (let turns = dice.below(5); turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve))
    ;[staleBytes, durableBytes] = [durableBytes, bytes]
  }
  const world = await createWorld()
  server = await world.server('a.test', {}, { sync, passwordCost: { memory: 8, iterations: 1 } })
  const [alice, bob] = [await server.register('alice'), await server.register('bob')]
  const made = await alice.request('POST', `${v3}/createRoom`, { preset: 'public_chat' })
  const roomId: string = made.body.room_id
  await bob.request('POST', `${v3}/join/${roomId}`, {})
  const people: People = { alice, bob, roomId, register: server.register }

  const promises: Promised[] = []
  const cuts: Cut[] = []
  let underWay = 0
  const work = async () => {
    for (let step = 0; step < 60; step += 1) {
      underWay += 1
      const promise = await act(dice, people)
      underWay -= 1
      if (promise) promises.push(promise)
      if (dice.below(6) === 0) cuts.push({ durableBytes, staleBytes, promised: promises.length, underWay })
    }
  }
  await Promise.all([work(), work(), work(), work(), work()])
  return { server, people, promises, cuts }
}

/** Copies by another process: closing the database's file here would take SQLite's locks away. */
function copyOf(server: TestServer): string {
  const target = temporaryDirectory()
  const copied = spawnSync('cp', ['-r', `${server.directory}/.`, target], { encoding: 'utf8' })
  if (copied.status !== 0) throw new Error(copied.stderr)
  return target
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-cut-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Everything else as it is, but of the log only `log`. */
function directoryWith(whole: string, log: Uint8Array): string {
  const directory = temporaryDirectory()
  cpSync(whole, directory, { recursive: true, filter: (source) => !/-(wal|shm)$|\.lock$/.test(source) })
  copyFileSync(join(whole, 'hausbote.db'), join(directory, 'hausbote.db'))
  writeFileSync(join(directory, 'hausbote.db-wal'), log)
  return directory
}

async function afterTheCut<Result>(directory: string, use: (app: Awaited<ReturnType<typeof createApp>>) => Promise<Result>) {
  const config = loadConfig({ HAUSBOTE_DATA_DIR: directory, HAUSBOTE_SERVER_NAME: 'a.test', HAUSBOTE_RATE_LIMITS: 'off' })
  const { clock } = await createWorld()
  const platform = { clock, timers: clock, random: seededRandom(directory), log: silentLog, checkpoints: false }
  const app = await createApp(config, platform, (problem) => {
    throw problem
  })
  try {
    return await use(app)
  } finally {
    await app.close()
  }
}

test(`everything answered survives a power cut at any moment (HAUSBOTE_CRASH_SEED=${seed})`, async () => {
  const dice = createDice(seed)
  const { server, people, promises, cuts } = await loadedServer(dice)
  const whole = copyOf(server)
  const log = readFileSync(join(whole, 'hausbote.db-wal'))
  expect(cuts.length).toBeGreaterThan(20)
  // Everything may be safe at the last cut, but never more than there is: the log must not have begun anew.
  expect(log.length).toBeGreaterThanOrEqual(cuts.at(-1)?.durableBytes ?? Number.NaN)
  for (const { durableBytes, promised, underWay } of cuts) {
    // Behind what is safe may be nothing, or any part of what was being written.
    const torn = Buffer.from(log.subarray(0, durableBytes + dice.below(9000)))
    if (dice.below(2) === 0) torn.fill(dice.below(256), durableBytes + dice.below(100))
    const directory = directoryWith(whole, dice.below(2) === 0 ? log.subarray(0, durableBytes) : torn)
    const problems = await afterTheCut(directory, (app) => broken(app, promises.slice(0, promised), people, underWay))
    expect(problems, `cut at ${durableBytes} of ${log.length} bytes`).toEqual([])
  }
}, 120_000)

test('a disk that had forgotten its last sync would be noticed by this test', async () => {
  const { server, people, promises, cuts } = await loadedServer(createDice(1))
  const whole = copyOf(server)
  const log = readFileSync(join(whole, 'hausbote.db-wal'))
  let noticed = 0
  for (const { staleBytes, promised, underWay } of cuts.slice(-10)) {
    const directory = directoryWith(whole, log.subarray(0, staleBytes))
    const problems = await afterTheCut(directory, (app) => broken(app, promises.slice(0, promised), people, underWay))
    if (problems.length > 0) noticed += 1
  }
  expect(noticed).toBeGreaterThan(5)
}, 60_000)
