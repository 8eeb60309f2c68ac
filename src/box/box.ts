import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type ControlSocket, createControlSocket, type OtherCommands } from '../accounts/control.ts'
import { createPasswordHashing, defaultPasswordCost } from '../accounts/password-hashing.ts'
import type { Platform } from '../app.ts'
import type { Config } from '../config.ts'
import { migrations, openGround } from '../ground.ts'
import type { ListenAddress, Listener } from '../http/listener.ts'
import { createRateLimits, noRateLimits } from '../http/rate-limits.ts'
import { systemResolver } from '../platform/resolver.ts'
import { answerOf, answersOf, setAnswer } from '../setup/answers.ts'
import { carryOutSetup } from '../setup/commands.ts'
import type { Messenger } from '../setup/messenger.ts'
import { ownerOf } from '../setup/owners.ts'
import { provision, settleRestored } from '../setup/provision.ts'
import { type Provisioning, readProvisioning } from '../setup/provisioning.ts'
import { type Pulse, startPulse } from '../setup/pulse.ts'
import { createRestoring, type Restoring } from '../setup/restoring.ts'
import type { Setup } from '../setup/setup.ts'
import { createStaff } from '../setup/staff/staff.ts'
import { syncDirectory } from '../storage/lock.ts'
import { StorageProblem } from '../storage/problems.ts'
import type { Storage } from '../storage/storage.ts'
import { effectiveConfig } from './effective-config.ts'
import { openListener, StartProblem } from './open-listener.ts'
import { type ServedMessenger, serveMessenger } from './serve-messenger.ts'

/** What a box needs of the process around it. */
export interface Edge {
  /** The disk cannot be trusted any more: the process ends. */
  onFatal(problem: StorageProblem): void
  /** The box could not be built anew: the process ends. */
  onLost(error: unknown): void
  /** Shows lines to the person who started it. */
  say(lines: readonly string[]): void
  /** Shows where the owner's page is; `code`: nobody has claimed the box yet. */
  sayPage(listener: Listener['address'], code: string | undefined): Promise<void>
  /** Keeps the claim code where somebody else looks for it; undefined: it is of no use any more. */
  showCode(code: string | undefined): void
  /** Where the page is found, from the networks of this machine first. */
  pageUrls(): readonly string[]
  /** Where a listener is found, from the networks of this machine first. */
  urlsOf(address: ListenAddress): readonly string[]
  /** Names of this machine in its own network. */
  readonly hostNames: readonly string[]
}

/** Everything that runs: the ground (storage), the owner's page on it, and the messenger once it has a name. */
export interface Box {
  close(): Promise<void>
}

interface Standing {
  readonly storage: Storage
  readonly setup: Setup | undefined
  readonly messenger: StartableMessenger
  readonly restoring: Restoring | undefined
  readonly pulse: Pulse | undefined
  /** Undefined: somebody owns the box. */
  readonly code: string | undefined
}

/**
 * Opens a box. Without a page (`setup_listen` is off) the messenger starts at once, and this rejects if it cannot. With the page it starts
 * when somebody owns the box and it has a name; then what keeps it from starting is said on the page.
 */
export async function openBox(config: Config, platform: Platform, edge: Edge): Promise<Box> {
  /** Visitors who come while everything is built anew wait for it. */
  const rebuild: Rebuild = {
    restart: () => again(() => undefined),
    reset() {
      again(() => eraseAll(config.data_dir))
      standing.then(({ code }) => page && edge.sayPage(page.address, code)).catch((error: unknown) => edge.onLost(error))
    },
  }
  let standing = stand(config, platform, edge, rebuild)
  let closed = false
  await standing

  function again(between: () => void): void {
    standing = standing.then(async (before) => {
      if (closed) return before
      await fall(before)
      between()
      return stand(config, platform, edge, rebuild)
    })
    standing.catch((error: unknown) => edge.onLost(error))
  }

  const page =
    config.setup_listen &&
    (await openListener('setup_listen', config.setup_listen, async (request, env) => {
      const { setup } = await standing
      return setup ? setup.app.fetch(request, env) : new Response(null, { status: 404 })
    }).catch(async (error: unknown) => {
      await fall(await standing)
      throw error
    }))
  if (page) await edge.sayPage(page.address, (await standing).code)
  return {
    async close() {
      closed = true
      const closing = page?.close(0)
      await fall(await standing)
      await closing
    },
  }
}

async function stand(config: Config, platform: Platform, edge: Edge, rebuild: Rebuild): Promise<Standing> {
  const storage = openGround(config, platform, edge.onFatal)
  try {
    const passwords = createPasswordHashing(platform.passwordCost ?? defaultPasswordCost, platform.random)
    const messenger: StartableMessenger = createMessenger(config, platform, storage, edge, rebuild, (line) =>
      carryOutSetup(line, { storage, clock: platform.clock, staff, pageUrls: edge.pageUrls }),
    )
    const staff = createStaff({ ...platform, storage, passwords, messenger })
    if (!config.setup_listen) {
      await messenger.start()
      if (messenger.failure !== undefined) throw messenger.failure
      return { storage, setup: undefined, messenger, restoring: undefined, pulse: undefined, code: undefined }
    }
    const effective = effectiveConfig(config, storage.reader)
    await settleRestored(storage, platform.clock)
    const provisioned = await takeProvisioning(config, platform, storage, edge)
    const restoring = createRestoring(
      { ...platform, directory: config.data_dir, migrations, environment: platform.environment ?? {} },
      rebuild.restart,
    )
    const { createSetup } = await import('../setup/setup.ts')
    const setup = createSetup({
      ...platform,
      storage,
      rateLimits: config.rate_limits ? createRateLimits(platform.clock) : noRateLimits,
      hostNames: edge.hostNames,
      messenger,
      passwords,
      staff,
      onClaimed: () => edge.showCode(undefined),
      restoring,
      resolver: systemResolver,
      dataDirectory: config.data_dir,
      pageUrls: edge.pageUrls,
      clientUrls: () => edge.urlsOf(effectiveConfig(config, storage.reader).listen),
      settled: {
        publicUrl: config.given.has('public_url') ? effective.public_url : undefined,
      },
    })
    const { serverName, ready } = answersOf(storage.reader)
    // A box that was given a new claim code goes on serving those who use it.
    if (serverName !== undefined && (setup.isClaimed() || ready)) await messenger.start()
    else await messenger.wait()
    await setup.provisionLater()
    const pulse = await startPulse({ ...platform, storage })
    const code = await setup.renewClaimCode(provisioned?.claimCode)
    edge.showCode(code)
    return { storage, setup, messenger, restoring, pulse, code }
  } catch (error) {
    await storage.close()
    throw error
  }
}

/** How everything is built anew, while visitors of the page wait. */
type Rebuild = Pick<Messenger, 'restart' | 'reset'>

/** Removes what a data directory holds, but for the lock of this process. */
function eraseAll(directory: string): void {
  for (const name of readdirSync(directory))
    if (name !== 'hausbote.lock') rmSync(join(directory, name), { recursive: true, force: true })
  syncDirectory(directory)
}

/** What a technician answered beforehand, in the file and in the configuration; undefined: there is no file, or it is of no use. */
async function takeProvisioning(
  { provisioning_file: file, given, server_name: name }: Config,
  { clock }: Platform,
  storage: Storage,
  edge: Edge,
): Promise<Provisioning | undefined> {
  if (given.has('server_name') && answerOf(storage.reader, 'serverName') === undefined)
    await storage.write((tx) => setAnswer(tx, 'serverName', name))
  if (file === undefined || !existsSync(file) || ownerOf(storage.reader)) return undefined
  const found = readProvisioning(file)
  if ('problems' in found) {
    // Half of a file would be worse than none.
    edge.say([`Nothing of ${file} is used:`, ...found.problems.map((problem) => `  ${problem}`)])
    return undefined
  }
  await provision(storage, clock, found)
  return found
}

async function fall({ storage, setup, messenger, restoring, pulse }: Standing): Promise<void> {
  setup?.close()
  pulse?.stop()
  await restoring?.close()
  const closing = messenger.close()
  // Right after the listeners: a client that is answered asks again at once, and may not find the door still open.
  storage.waiters.close()
  await closing
  await storage.close()
}

interface StartableMessenger extends Messenger {
  readonly failure: unknown
  /** For the name that it needs. */
  wait(): Promise<void>
  close(): Promise<void>
}

function createMessenger(
  config: Config,
  platform: Platform,
  storage: Storage,
  edge: Edge,
  rebuild: Rebuild,
  commands: OtherCommands,
): StartableMessenger {
  let served: ServedMessenger | undefined
  let starting: Promise<void> | undefined
  let failure: unknown
  /** Tells the command line what is missing, until there is a messenger that listens itself. */
  let waiting: ControlSocket | undefined

  async function startNow(): Promise<void> {
    try {
      failure = undefined
      await waiting?.close()
      waiting = undefined
      served = await serveMessenger(effectiveConfig(config, storage.reader), platform, storage, edge.onFatal, commands)
      edge.say(served.announcement)
    } catch (error) {
      failure = error
      platform.log.error({ err: error }, 'the messenger did not start')
    }
  }

  return {
    get running() {
      return served?.running
    },
    get problem() {
      if (failure === undefined) return undefined
      const expected = failure instanceof StartProblem || failure instanceof StorageProblem
      return expected ? (failure as Error).message : 'internal fault'
    },
    get failure() {
      return failure
    },
    async start() {
      if (served) return
      starting ??= startNow().finally(() => {
        starting = undefined
      })
      await starting
    },
    ...rebuild,
    async wait() {
      waiting = await createControlSocket(config.data_dir, undefined, platform.log)
    },
    async close() {
      await starting
      await waiting?.close()
      await served?.close()
    },
  }
}
