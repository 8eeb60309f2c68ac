import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createPasswordHashing } from '../../src/accounts/password-hashing.ts'
import { loadConfig } from '../../src/config.ts'
import { openGround } from '../../src/ground.ts'
import { noRateLimits, type RateLimits } from '../../src/http/rate-limits.ts'
import { silentLog } from '../../src/platform/log.ts'
import type { Messenger } from '../../src/setup/messenger.ts'
import { createSetup, type Setup } from '../../src/setup/setup.ts'
import { createStaff } from '../../src/setup/staff/staff.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { type HandMovedClock, handMovedClock } from '../support/clock.ts'
import { seededRandom } from '../support/random.ts'

export const goodPassword = 'Lampe Ufer Kranich Teig'

export interface TestPage {
  readonly setup: Setup
  readonly storage: Storage
  /** The data directory. */
  readonly directory: string
  readonly clock: HandMovedClock
  /** Opens the page anew on the same data, as a restart does. */
  restart(): Promise<void>
  visitor(address?: string): Visitor
  /** The claim code of a box that nobody owns. */
  code(): Promise<string>
}

/** A browser without scripts: cookies, redirects, and forms as they stand on the page. */
export interface Visitor {
  readonly cookies: Map<string, string>
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>
  /** Fills in the form on `path` and sends it; the answer is that of the page it leads to. */
  send(path: string, action: string, fields: Readonly<Record<string, string>>): Promise<Answer>
  /** Sends a form as it is given. */
  post(path: string, fields: Readonly<Record<string, string>>, headers?: Readonly<Record<string, string>>): Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly path: string
  readonly text: string
  readonly headers: Headers
}

/** The page on a fresh directory, without a messenger behind it unless one is given. */
export async function createPage(
  options: { readonly rateLimits?: RateLimits; readonly messenger?: Messenger } = {},
): Promise<TestPage> {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-setup-'))
  const clock = handMovedClock()
  const random = seededRandom('setup')
  const platform = { clock, timers: clock, random, log: silentLog, checkpoints: false }
  const open = () =>
    openGround(loadConfig({ HAUSBOTE_DATA_DIR: directory }), platform, (problem) => {
      throw problem
    })
  const started = { running: undefined as Messenger['running'] }
  const messenger: Messenger = options.messenger ?? {
    get running() {
      return started.running
    },
    problem: undefined,
    start: () => Promise.resolve(),
    restart: () => undefined,
    reset: () => undefined,
  }
  const passwords = createPasswordHashing({ memory: 8, iterations: 1 }, random)
  let storage = open()
  const build = () =>
    createSetup({
      ...platform,
      storage,
      rateLimits: options.rateLimits ?? noRateLimits,
      passwords,
      staff: createStaff({ ...platform, storage, passwords, messenger }),
      hostNames: ['hausbote.local'],
      messenger,
      restoring: { state: () => ({ state: 'idle' }), begin: () => false, close: () => Promise.resolve() },
      resolver: { addresses: () => Promise.resolve([]), services: () => Promise.resolve([]) },
      dataDirectory: directory,
      pageUrls: () => ['http://192.168.1.20:8450', 'http://127.0.0.1:8450'],
      clientUrls: () => ['http://192.168.1.20:8008'],
      settled: { publicUrl: undefined },
      onClaimed: () => undefined,
    })
  let setup = build()
  onTestFinished(async () => {
    await storage.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    get setup() {
      return setup
    },
    get storage() {
      return storage
    },
    directory,
    clock,
    async restart() {
      await storage.close()
      storage = open()
      setup = build()
    },
    visitor: (address = '192.168.1.30') => createVisitor(() => setup, address),
    async code() {
      const code = await setup.renewClaimCode()
      if (code === undefined) throw new Error('the box is claimed')
      return code
    },
  }
}

function createVisitor(setup: () => Setup, address: string): Visitor {
  const cookies = new Map<string, string>()

  async function ask(path: string, init: RequestInit, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const request = new Request(`http://hausbote.local:8450${path}`, {
      ...init,
      headers: { host: 'hausbote.local:8450', 'accept-language': 'de', ...(cookie && { cookie }), ...headers },
    })
    const response = await setup().app.fetch(request, { incoming: { socket: { remoteAddress: address } } })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const [name = '', value = ''] = pair.split('=')
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location !== null) return ask(location, { method: 'GET' }, {})
    return { status: response.status, path, text: await response.text(), headers: response.headers }
  }

  const open: Visitor['open'] = (path, headers = {}) => ask(path, { method: 'GET' }, headers)
  const post: Visitor['post'] = (path, fields, headers = {}) =>
    ask(path, { method: 'POST', body: new URLSearchParams(fields) }, headers)
  return {
    cookies,
    open,
    post,
    async send(path, action, fields) {
      const { text } = await open(path)
      const token = /name="form_token" value="([^"]+)"/.exec(text)?.[1] ?? ''
      return post(action, { form_token: token, ...fields })
    },
  }
}

/** Claims a box and answers its first questions: a visitor who is signed in as its owner. */
export async function claimed(page: TestPage, visitor: Visitor = page.visitor()): Promise<Visitor> {
  await visitor.send('/claim', '/claim', { code: await page.code() })
  await visitor.send('/setup/owner', '/setup/owner', {
    language: 'de',
    name: 'Dr. Maria Sommer',
    password: goodPassword,
    password_again: goodPassword,
  })
  return visitor
}
