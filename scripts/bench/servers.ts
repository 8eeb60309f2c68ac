import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { answering, type Background, freePort, plainEnvironment, root, startProgram } from './programs.ts'

/** A homeserver that is measured. Address and data stay the same over `stop` and `start`. */
export interface MeasuredServer {
  readonly name: string
  readonly url: string
  /** Asks whether it is there. */
  readonly versionsUrl: string
  /** How the load generator makes accounts. */
  readonly register: string
  readonly databaseFile: string
  /** A query for the JSON of the newest messages in that database. */
  readonly newestMessages: string
  /** What a cold start runs. */
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly pid: number
  start(): Promise<void>
  stop(): Promise<void>
}

const sharedSecret = 'bench'
const versions = '/_matrix/client/versions'

/** What `npm start` runs behind `scripts/run.mjs`: the flags of Node and the program. */
function startCommand(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } }
  const words = /^node scripts\/run\.mjs (.+)$/.exec(scripts.start)?.[1]?.split(' ')
  if (!words) throw new Error('package.json: the start script is not "node scripts/run.mjs …"')
  return words
}

/**
 * Hausbote on an empty directory, not started yet: the flags and the compile cache of `npm start`, the default durability, log level
 * and everything else but the limits on rates.
 */
export async function createHausbote(
  directory: string,
  compileCache?: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<MeasuredServer> {
  const port = await freePort()
  mkdirSync(directory, { recursive: true })
  const data = join(directory, 'data')
  const log = join(directory, 'server.log')
  const command = [process.execPath, ...startCommand()]
  const url = `http://127.0.0.1:${port}`
  const environment = {
    ...plainEnvironment,
    NODE_COMPILE_CACHE: compileCache ?? join(root, 'node_modules', '.cache', 'compiled'),
    HAUSBOTE_DATA_DIR: data,
    HAUSBOTE_LISTEN: `127.0.0.1:${port}`,
    HAUSBOTE_SETUP_LISTEN: 'off',
    HAUSBOTE_RATE_LIMITS: 'off',
    HAUSBOTE_REGISTRATION_SHARED_SECRET: sharedSecret,
    ...settings,
  }
  let running: Background | undefined
  return {
    name: 'hausbote',
    url,
    versionsUrl: `${url}${versions}`,
    register: `shared-secret:${sharedSecret}`,
    databaseFile: join(data, 'hausbote.db'),
    newestMessages: "SELECT json FROM events WHERE type = 'm.room.message' ORDER BY position DESC LIMIT 100",
    command,
    environment,
    get pid() {
      return running?.pid ?? 0
    },
    async start() {
      running = startProgram(command, environment, log)
      await answering(`${url}${versions}`, running, log)
    },
    async stop() {
      await running?.stop()
      running = undefined
    },
  }
}

/** What `../shared/tools/synapse/start.mjs` exports, as far as it is used here. */
interface SynapseTool {
  startSynapse(options: {
    dir: string
    address: string
    literal: true
    clientPort: number
    federationPort: number
    settings?: object
  }): Promise<RunningSynapse>
}

interface RunningSynapse {
  readonly baseUrl: string
  readonly sharedSecret: string
  readonly pid: number
  readonly command: readonly string[]
  stop(): Promise<void>
}

const synapseTool = join(root, '..', 'shared', 'tools', 'synapse', 'start.mjs')

/** Synapse on an empty directory, started once and stopped again; undefined where the tool that starts it is not there. */
export async function createSynapse(
  directory: string,
  more: { address?: string; federationPort?: number; settings?: object } = {},
): Promise<MeasuredServer | undefined> {
  if (!existsSync(synapseTool)) return undefined
  const { startSynapse } = (await import(pathToFileURL(synapseTool).href)) as SynapseTool
  const options = {
    dir: directory,
    address: '127.0.0.1',
    literal: true,
    clientPort: await freePort(),
    federationPort: await freePort(),
    ...more,
  } as const
  let running: RunningSynapse | undefined = await startSynapse(options)
  const { baseUrl, sharedSecret: secret, command } = running
  await running.stop()
  return {
    name: 'synapse',
    url: baseUrl,
    versionsUrl: `${baseUrl}${versions}`,
    register: `shared-secret:${secret}`,
    databaseFile: join(directory, 'homeserver.db'),
    newestMessages: `SELECT json FROM event_json JOIN events USING (event_id) WHERE type = 'm.room.message'
      ORDER BY stream_ordering DESC LIMIT 100`,
    command,
    environment: plainEnvironment,
    get pid() {
      return running?.pid ?? 0
    },
    async start() {
      running = await startSynapse(options)
    },
    async stop() {
      await running?.stop()
      running = undefined
    },
  }
}
