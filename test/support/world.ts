import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type App, createApp, type Platform } from '../../src/app.ts'
import { type Config, loadConfig } from '../../src/config.ts'
import type { HttpApp } from '../../src/http/mount.ts'
import { silentLog } from '../../src/platform/log.ts'
import { type HandMovedClock, handMovedClock } from './clock.ts'
import { judge } from './judge.ts'
import { seededRandom } from './random.ts'
import { createTestNetwork, type TestNetwork } from './test-network.ts'

/** Lets a server speak with the others of its world. */
export const federating = { HAUSBOTE_FEDERATION_LISTEN: '127.0.0.1:0' }

/** Servers of one test: the real application on temporary directories, seeded randomness, a clock moved by hand, no ports. */
export interface World {
  readonly clock: HandMovedClock
  /** Leads to those that are `federating`. */
  readonly network: TestNetwork
  server(name: string, settings?: Readonly<Record<string, string>>, platform?: Partial<Platform>): Promise<TestServer>
  /** Resolves when all servers have written everything and wait for no other one; what waits for the clock goes on waiting. */
  settled(): Promise<void>
}

export interface TestServer {
  readonly app: App
  readonly name: string
  readonly directory: string
  /** A request without an access token. */
  request(method: string, path: string, body?: unknown, options?: RequestOptions): Promise<TestResponse>
  /** A request of another server, as its headers say. */
  federation(method: string, path: string, body?: unknown, options?: RequestOptions): Promise<TestResponse>
  /** A new account with a device, password `password of NAME`. */
  register(localpart: string, options?: { deviceId?: string }): Promise<TestUser>
  /** The same person on a further device. */
  login(localpart: string, options?: { deviceId?: string }): Promise<TestUser>
  /** Stops and starts again on the same data. */
  restart(settings?: Readonly<Record<string, string>>): Promise<void>
  /** Resolves when nothing is being written. */
  settled(): Promise<void>
}

export interface TestUser {
  readonly userId: string
  readonly deviceId: string
  readonly accessToken: string
  request(method: string, path: string, body?: unknown, options?: RequestOptions): Promise<TestResponse>
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

export interface TestResponse {
  readonly status: number
  readonly headers: Headers
  /** Parsed JSON; the bytes of anything else. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape the judge has checked
  readonly body: any
}

/** Turns of the event loop without anything under way, after which nothing more comes by itself. */
const quietTurns = 10

/** Makes the world of a test; its servers end with the test. */
export async function createWorld(): Promise<World> {
  const clock = handMovedClock()
  const network = createTestNetwork()
  const servers: TestServer[] = []
  return {
    clock,
    network,
    async settled() {
      for (let quiet = 0, asked = 0; quiet < quietTurns; quiet += 1) {
        // A request may have begun and ended while something was written.
        if (network.underWay > 0 || network.asked.length > asked) quiet = 0
        asked = network.asked.length
        await Promise.all(servers.map((server) => server.settled()))
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    async server(name, settings, platform) {
      const server = await startServer(name, clock, settings ?? {}, { network, ...platform })
      network.host(name, (request) => answerOtherServer(server.app, request))
      servers.push(server)
      return server
    },
  }
}

async function answerOtherServer(app: App, request: Request): Promise<Response> {
  if (!app.federation) return new Response(null, { status: 502 })
  const response = await app.federation.fetch(request)
  const { pathname, search } = new URL(request.url)
  judge(request.method, pathname + search, response, await contentOf(response.clone()))
  return response
}

/** Parsed JSON; the bytes of anything else. */
async function contentOf(response: Response): Promise<unknown> {
  const json = response.headers.get('content-type')?.startsWith('application/json')
  return json ? response.json() : new Uint8Array(await response.arrayBuffer())
}

async function startServer(
  name: string,
  clock: HandMovedClock,
  settings: Readonly<Record<string, string>>,
  extra: Partial<Platform>,
): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-'))
  const random = seededRandom(name)
  const platform: Platform = { clock, timers: clock, random, log: silentLog, checkpoints: false, ...extra }
  const fatal: unknown[] = []
  const configOf = (more: Readonly<Record<string, string>>): Config =>
    loadConfig({
      HAUSBOTE_DATA_DIR: directory,
      HAUSBOTE_SERVER_NAME: name,
      HAUSBOTE_REGISTRATION: 'open',
      HAUSBOTE_RATE_LIMITS: 'off',
      HAUSBOTE_ENCRYPT_NEW_ROOMS: 'off',
      ...more,
    })
  const start = (more: Readonly<Record<string, string>>) => createApp(configOf(more), platform, (problem) => fatal.push(problem))
  let app = await start(settings)
  onTestFinished(async () => {
    await app.close()
    rmSync(directory, { recursive: true, force: true })
    if (fatal.length > 0) throw fatal[0]
  })

  function request(
    token: string | undefined,
    method: string,
    path: string,
    body: unknown,
    options: RequestOptions = {},
  ): Promise<TestResponse> {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return send(app.client, method, path, body, { ...options, headers: { ...options.headers, ...authorization } })
  }

  async function send(
    to: HttpApp | undefined,
    method: string,
    path: string,
    body: unknown,
    options: RequestOptions = {},
  ): Promise<TestResponse> {
    if (!to) throw new Error(`${name} is not federating`)
    const headers: Record<string, string> = { ...options.headers }
    const raw = body instanceof Uint8Array || typeof body === 'string'
    const payload = body === undefined ? undefined : raw ? (body as Uint8Array<ArrayBuffer> | string) : JSON.stringify(body)
    if (payload !== undefined && !raw) headers['content-type'] ??= 'application/json'
    const response = await to.request(path, {
      method,
      headers,
      ...(payload !== undefined && { body: payload }),
      ...(options.signal && { signal: options.signal }),
    })
    const received = await contentOf(response)
    judge(method, path, response, received)
    return { status: response.status, headers: response.headers, body: received }
  }

  function userOf(answer: TestResponse): TestUser {
    const { user_id: userId, device_id: deviceId, access_token: accessToken } = answer.body
    return {
      userId,
      deviceId,
      accessToken,
      request: (method, path, body, options) => request(accessToken, method, path, body, options),
    }
  }

  return {
    get app() {
      return app
    },
    name,
    directory,
    request: (method, path, body, options) => request(undefined, method, path, body, options),
    federation: (method, path, body, options) => send(app.federation, method, path, body, options),
    async register(localpart, options) {
      const answer = await request(undefined, 'POST', '/_matrix/client/v3/register', {
        username: localpart,
        password: `password of ${localpart}`,
        auth: { type: 'm.login.dummy' },
        ...(options?.deviceId && { device_id: options.deviceId }),
      })
      if (answer.status !== 200) throw new Error(`registering ${localpart}: ${JSON.stringify(answer.body)}`)
      return userOf(answer)
    },
    async login(localpart, options) {
      const answer = await request(undefined, 'POST', '/_matrix/client/v3/login', {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: localpart },
        password: `password of ${localpart}`,
        ...(options?.deviceId && { device_id: options.deviceId }),
      })
      if (answer.status !== 200) throw new Error(`signing in ${localpart}: ${JSON.stringify(answer.body)}`)
      return userOf(answer)
    },
    async restart(more) {
      await app.close()
      app = await start({ ...settings, ...more })
    },
    settled: () => app.storage.idle(),
  }
}
