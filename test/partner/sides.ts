import { randomInt } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { startServerProcess } from '../support/server-process.ts'
import { createPerson, type Person, type Session } from './person.ts'

/** A starter of Synapse, which is no part of this repository. */
const tools = resolve(import.meta.dirname, '..', '..', '..', 'shared', 'tools', 'synapse')
export const missing = !existsSync(join(tools, 'start.mjs'))
if (missing) process.stderr.write(`!!! There is no Synapse starter in ${tools}: federation with a real Synapse is NOT tested.\n`)

/** One of two homeservers, each a process with a database and a certificate of its own. */
export interface Side {
  /** Which program it is. */
  readonly title: 'Hausbote' | 'Synapse'
  /** As it stands behind the colon. */
  readonly name: string
  /** Of its client API; stays the same over restarts. */
  readonly url: string
  /** Somebody new, whose name begins with `name`. */
  register(name: string): Promise<Person>
  stop(): Promise<void>
  start(): Promise<void>
}

export interface Sides {
  readonly hausbote: Side
  readonly synapse: Side
  /** Where both keep what is theirs, but for the data of Hausbote. */
  readonly directory: string
  /** All that Hausbote has printed. */
  output(): string
  /** Ends both and removes what they kept. */
  remove(): Promise<void>
}

interface RunningSynapse {
  readonly serverName: string
  readonly baseUrl: string
  readonly sharedSecret: string
  stop(): Promise<void>
}

interface SynapseTools {
  startSynapse(options: object): Promise<RunningSynapse>
  registerUser(wish: { baseUrl: string; sharedSecret: string; name: string }): Promise<Session>
  testAuthority(directory: string): { caFile: string; issue(request: object): { certFile: string; keyFile: string } }
}

const sharedSecret = 'partner'

/** An address of this machine that nobody else is likely to use. */
const address = () => `127.${randomInt(64, 250)}.${randomInt(250)}.${randomInt(1, 250)}`

let people = 0
const unusedName = (name: string) => `${name}${people++}`

/** Both sides, running. The first call on a machine installs Synapse. */
export async function startSides(): Promise<Sides> {
  const load = (file: string) => import(pathToFileURL(join(tools, file)).href)
  const { startSynapse, registerUser, testAuthority } = {
    ...(await load('start.mjs')),
    ...(await load('certificates.mjs')),
  } as SynapseTools
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-partner-'))
  const authority = join(directory, 'authority')
  const own = address()
  const { caFile, issue } = testAuthority(authority)
  const { certFile, keyFile } = issue({ out: join(directory, 'own'), name: own, address: own })
  const wanted = { dir: join(directory, 'synapse'), address: address(), literal: true, authority, settings: synapseSettings }
  const server = await startServerProcess({
    HAUSBOTE_SERVER_NAME: `${own}:8448`,
    HAUSBOTE_FEDERATION_LISTEN: `${own}:8448`,
    HAUSBOTE_TLS_CERTIFICATE: certFile,
    HAUSBOTE_TLS_KEY: keyFile,
    HAUSBOTE_EXTRA_CA: caFile,
    HAUSBOTE_ALLOW_ADDRESSES: '127.0.0.0/8',
    HAUSBOTE_REGISTRATION_SHARED_SECRET: sharedSecret,
    HAUSBOTE_RATE_LIMITS: 'off',
    HAUSBOTE_LOG_LEVEL: 'info',
  })
  let running = await startSynapse(wanted)
  const register = async (baseUrl: string, secret: string, name: string) =>
    createPerson(baseUrl, await registerUser({ baseUrl, sharedSecret: secret, name: unusedName(name) }))
  return {
    hausbote: {
      title: 'Hausbote',
      name: `${own}:8448`,
      url: server.url,
      register: (name) => register(server.url, sharedSecret, name),
      stop: async () => void (await server.stop()),
      start: () => server.restart(),
    },
    synapse: {
      title: 'Synapse',
      name: running.serverName,
      url: running.baseUrl,
      register: (name) => register(running.baseUrl, running.sharedSecret, name),
      stop: () => running.stop(),
      async start() {
        running = await startSynapse(wanted)
      },
    },
    directory,
    output: () => server.output,
    async remove() {
      await Promise.all([running.stop(), server.remove()])
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

const synapseSettings = {
  // Otherwise it answers other servers only where somebody asks for it.
  allow_public_rooms_over_federation: true,
  allow_public_rooms_without_auth: true,
  // By default nobody may list a room.
  room_list_publication_rules: [{ action: 'allow' }],
}
