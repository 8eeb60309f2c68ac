import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type App, createApp, type Platform } from '../../src/app.ts'
import { type Config, loadConfig } from '../../src/config.ts'
import { silentLog } from '../../src/platform/log.ts'
import { type HandMovedClock, handMovedClock } from './clock.ts'
import { judge } from './judge.ts'
import { seededRandom } from './random.ts'

/** Servers of one test: the real application on temporary directories, seeded randomness, a clock moved by hand, no ports. */
export interface World {
  readonly clock: HandMovedClock
  server(name: string, settings?: Readonly<Record<string, string>>, platform?: Partial<Platform>): Promise<TestServer>
}

export interface TestServer {
  readonly app: App
  readonly name: string
  readonly directory: string
  /** A request without an access token. */
  request(method: string, path: string, body?: unknown, options?: RequestOptions): Promise<TestResponse>
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

/** Makes the world of a test; its servers end with the test. */
export async function createWorld(): Promise<World> {
  const clock = handMovedClock()
  return { clock, server: (name, settings, platform) => startServer(name, clock, settings ?? {}, platform ?? {}) }
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

  async function request(
    token: string | undefined,
    method: string,
    path: string,
    body: unknown,
    options: RequestOptions = {},
  ): Promise<TestResponse> {
    const headers: Record<string, string> = { ...options.headers }
    if (token !== undefined) headers.authorization = `Bearer ${token}`
    const raw = body instanceof Uint8Array || typeof body === 'string'
    const payload = body === undefined ? undefined : raw ? (body as Uint8Array<ArrayBuffer> | string) : JSON.stringify(body)
    if (payload !== undefined && !raw) headers['content-type'] ??= 'application/json'
    const response = await app.client.request(path, {
      method,
      headers,
      ...(payload !== undefined && { body: payload }),
      ...(options.signal && { signal: options.signal }),
    })
    const json = response.headers.get('content-type')?.startsWith('application/json')
    const received = json ? await response.json() : new Uint8Array(await response.arrayBuffer())
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
