import { type Context, Hono } from 'hono'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Authenticated, Endpoint, EndpointRequest, Session } from './endpoint.ts'
import { limitExceeded, MatrixError, missingToken, unrecognized } from './errors.ts'
import { parseBody, readBody } from './json-body.ts'
import type { RateLimits } from './rate-limits.ts'
import { type Answer, isReply, type Reply } from './reply.ts'
import { checkBody, readQuery } from './validation.ts'

export interface Mounting {
  readonly clock: Clock
  readonly log: Log
  readonly rateLimits: RateLimits
  /** Turns an access token into who asks. */
  authenticate(token: string): { readonly session: Session } | { readonly error: MatrixError }
  /** Gives errors of other parts, such as a full disk, their answer; undefined: a fault of the program. */
  explain(error: unknown): MatrixError | undefined
  /** Called once for each answer, with the endpoint's path template. */
  observe(method: string, path: string, status: number, duration: Milliseconds): void
}

export type HttpBindings = { incoming?: { socket?: { remoteAddress?: string } } }
export type HttpApp = Hono<{ Bindings: HttpBindings }>

/** Web clients of any origin may call; source: client-server API, "Web Browser Clients". */
const corsHeaders = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'access-control-allow-headers': 'X-Requested-With, Content-Type, Authorization',
  'access-control-expose-headers': 'X-Request-Id',
}
const jsonHeaders = { ...corsHeaders, 'content-type': 'application/json' }

/** Puts endpoints on one Hono application. Every answer leaves through here, so that each has CORS headers, a request id and a Matrix error. */
export function mount(endpoints: readonly Endpoint[], mounting: Mounting): HttpApp {
  const app: HttpApp = new Hono()
  const nextId = requestIds()
  const methods = new Map<string, Set<string>>()

  function respond(context: Context, path: string, started: Milliseconds, answer: Answer | MatrixError): Response {
    const id = nextId()
    const { status, headers, body } =
      answer instanceof MatrixError ? errorReply(answer) : isReply(answer) ? answer : jsonReply(answer)
    const duration = mounting.clock.now() - started
    mounting.observe(context.req.method, path, status, duration)
    mounting.log.debug({ id, method: context.req.method, path, status, duration }, 'request')
    return new Response(body, {
      status,
      headers: { ...(headers === jsonHeaders ? jsonHeaders : { ...corsHeaders, ...headers }), 'x-request-id': id },
    })
  }

  function failure(error: unknown, path: string): MatrixError {
    if (error instanceof MatrixError) return error
    const explained = mounting.explain(error)
    if (explained) return explained
    mounting.log.error({ err: error, path }, 'request failed')
    return new MatrixError(500, 'M_UNKNOWN', 'Internal server error')
  }

  for (const endpoint of endpoints) {
    const route = endpoint.path.replaceAll(/\{(\w+)\}/g, ':$1')
    const known = methods.get(route)
    if (known?.has(endpoint.method)) throw new Error(`two endpoints for ${endpoint.method} ${endpoint.path}`)
    if (known) known.add(endpoint.method)
    else methods.set(route, new Set([endpoint.method]))
    app.on(endpoint.method, route, async (context) => {
      const started = mounting.clock.now()
      let answer: Answer | MatrixError
      try {
        answer = await serve(endpoint, context, mounting)
      } catch (error) {
        answer = failure(error, endpoint.path)
      }
      return respond(context, endpoint.path, started, answer)
    })
  }
  app.options('*', (context) => respond(context, '*', mounting.clock.now(), {}))
  for (const route of methods.keys()) {
    app.all(route, (context) =>
      respond(
        context,
        route,
        mounting.clock.now(),
        new MatrixError(405, 'M_UNRECOGNIZED', `${context.req.method} is not possible here`),
      ),
    )
  }
  app.notFound((context) => respond(context, '*', mounting.clock.now(), unrecognized('There is no such endpoint')))
  app.onError((error, context) => respond(context, '*', mounting.clock.now(), failure(error, '*')))
  return app
}

/** The life of a request: authentication, rate limit, query, body, handler. */
async function serve(
  endpoint: Endpoint,
  context: Context<{ Bindings: HttpBindings }>,
  mounting: Mounting,
): Promise<Answer | MatrixError> {
  const url = context.req.url
  const question = url.indexOf('?')
  const search = question < 0 ? undefined : new URLSearchParams(url.slice(question + 1))
  const raw = context.req.raw
  const auth = endpoint.auth === 'none' ? undefined : authenticate(endpoint.auth, raw, search, mounting)
  if (auth instanceof MatrixError) return auth
  const address = context.env?.incoming?.socket?.remoteAddress ?? ''
  if (endpoint.rateLimit) {
    const wait = mounting.rateLimits.take(endpoint.rateLimit, endpoint.rateLimit.by === 'user' && auth ? auth.userId : address)
    if (wait > 0) return limitExceeded(wait)
  }
  let query: Record<string, unknown> = {}
  if (endpoint.query) {
    const read = readQuery(endpoint.query, search ?? new URLSearchParams())
    if ('error' in read) return read.error
    query = read.query
  }
  let body: unknown
  if (endpoint.body) {
    const read = await readBody(raw, endpoint.maxBody)
    if ('error' in read) return read.error
    const parsed = parseBody(read.text)
    if ('error' in parsed) return parsed.error
    const problem = checkBody(endpoint.body, parsed.value)
    if (problem) return problem
    body = parsed.value
  }
  const request = {
    auth,
    path: context.req.param(),
    query,
    body,
    raw,
    address,
    get signal() {
      return raw.signal
    },
  }
  // Each part was checked against the endpoint's own schemas just above.
  return endpoint.handle(request as unknown as EndpointRequest<keyof Authenticated, string, never, never>)
}

function authenticate(
  kind: 'session' | 'optional',
  request: Request,
  search: URLSearchParams | undefined,
  mounting: Mounting,
): Session | undefined | MatrixError {
  const header = request.headers.get('authorization')
  const token = header === null ? search?.get('access_token') : /^Bearer +(\S+)$/i.exec(header)?.[1]
  if (!token) return kind === 'optional' ? undefined : missingToken()
  const result = mounting.authenticate(token)
  return 'error' in result ? result.error : result.session
}

function jsonReply(answer: object): Pick<Reply, 'status' | 'headers' | 'body'> {
  return { status: 200, headers: jsonHeaders, body: JSON.stringify(answer) }
}

function errorReply(error: MatrixError): Pick<Reply, 'status' | 'headers' | 'body'> {
  const body = JSON.stringify({ errcode: error.code, error: error.message, ...error.fields })
  const wait = error.fields.retry_after_ms
  if (typeof wait !== 'number') return { status: error.status, headers: jsonHeaders, body }
  return { status: error.status, headers: { ...jsonHeaders, 'retry-after': String(Math.ceil(wait / 1000)) }, body }
}

/** Short ids that do not repeat within a process; they only join a line of the log to an answer. */
function requestIds(): () => string {
  let count = 0
  return () => (++count).toString(36)
}
