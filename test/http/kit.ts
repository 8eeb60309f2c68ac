import { BlockList } from 'node:net'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import type { Endpoint } from '../../src/http/endpoint.ts'
import { MatrixError, unknownToken } from '../../src/http/errors.ts'
import { type HttpApp, type Mounting, mount } from '../../src/http/mount.ts'
import { noRateLimits } from '../../src/http/rate-limits.ts'
import { type HandMovedClock, handMovedClock } from '../support/clock.ts'

export const session = { userId: '@a:x', deviceId: 'D', tokenId: 1, admin: false }

export interface Mounted {
  readonly app: HttpApp
  readonly clock: HandMovedClock
  /** Everything that was logged, parsed. */
  readonly lines: readonly Record<string, unknown>[]
  readonly observed: readonly unknown[][]
  request(method: string, path: string, init?: RequestInit): Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Undefined: the answer is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the shape that it expects
  readonly body: any
}

/** Mounts endpoints with tokens `good`, `expired` and nothing else. */
export function mounted(
  endpoints: readonly Endpoint[],
  more: (clock: HandMovedClock) => Partial<Mounting> = () => ({}),
): Mounted {
  const clock = handMovedClock()
  const lines: Record<string, unknown>[] = []
  const observed: unknown[][] = []
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  const app = mount(endpoints, {
    trustedProxies: new BlockList(),
    clock,
    log: pino({ level: 'trace', base: null }, sink),
    rateLimits: noRateLimits,
    authenticate: (token) => (token === 'good' ? { session } : { error: unknownToken(token === 'expired') }),
    explain: (error) => (error instanceof RangeError ? new MatrixError(503, 'M_UNKNOWN', 'full') : undefined),
    observe: (...call) => observed.push(call),
    ...more(clock),
  })
  return {
    app,
    clock,
    lines,
    observed,
    async request(method, path, init) {
      const response = await app.request(path, { method, ...init })
      return answerOf(response)
    },
  }
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const json = response.headers.get('content-type') === 'application/json' && text !== ''
  return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : undefined }
}
