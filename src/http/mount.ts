import { validateHeaderValue } from 'node:http'
import type { BlockList } from 'node:net'
import { type Context, Hono } from 'hono'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { clientAddress } from './client-address.ts'
import type { Authenticated, Endpoint, EndpointRequest, Session } from './endpoint.ts'
import { limitExceeded, MatrixError, missingToken, unknownToken, unrecognized } from './errors.ts'
import { parseBody, readBody } from './json-body.ts'
import { networkOf } from './network.ts'
import { bySpecificity, type PathTemplate, pathTemplate, targetOf } from './path-parameters.ts'
import type { RateLimits } from './rate-limits.ts'
import { type Answer, isReply, type Reply, reply } from './reply.ts'
import { readSigned, type ServerAuthentication } from './signed-request.ts'
import { checkBody, readQuery } from './validation.ts'

export interface Mounting {
  readonly clock: Clock
  readonly log: Log
  readonly rateLimits: RateLimits
  /** Turns an access token into who asks; for the kinds `session` and `optional`. */
  authenticate?(token: string, address: string): { readonly session: Session } | { readonly error: MatrixError }
  /** For the kind `server`. */
  readonly authenticateServer?: ServerAuthentication
  /** Proxies that are believed about whom they speak for. */
  readonly trustedProxies: BlockList
  /** Gives errors of other parts, such as a full disk, their answer; undefined: a fault of the program. */
  explain(error: unknown): MatrixError | undefined
  /** Called once for each answer, with the endpoint's path template. */
  observe(method: string, path: string, status: number, duration: Milliseconds): void
}

export type HttpBindings = { incoming?: { url?: string; socket?: { remoteAddress?: string } } }
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
  const begin = calls(mounting.clock)
  const answerOf = answers(mounting)
  const methods = new Map<string, { readonly path: string; readonly allowed: Set<string> }>()

  for (const endpoint of endpoints.toSorted((one, other) => bySpecificity(one.path, other.path))) {
    requireAuthentication(endpoint, mounting)
    const template = pathTemplate(endpoint.path)
    for (const route of routesOf(template.route)) {
      const known = methods.get(route)
      if (known?.allowed.has(endpoint.method)) throw new Error(`two endpoints for ${endpoint.method} ${endpoint.path}`)
      if (known) known.allowed.add(endpoint.method)
      else methods.set(route, { path: endpoint.path, allowed: new Set([endpoint.method]) })
      app.on(endpoint.method, route, (context) =>
        answerOf(context, begin(endpoint.path), () => serve(endpoint, template, context, mounting)),
      )
    }
  }
  app.options('*', (context) => answerOf(context, begin('*'), () => ({})))
  for (const [route, { path, allowed }] of methods) {
    const headers = { 'content-type': 'application/json', allow: [...allowed, 'OPTIONS'].join(', ') }
    app.all(route, (context) =>
      answerOf(context, begin(path), () => {
        const error = `${context.req.method} is not possible here`
        return reply(405, headers, JSON.stringify({ errcode: 'M_UNRECOGNIZED', error }))
      }),
    )
  }
  app.notFound((context) => answerOf(context, begin('*'), () => unrecognized('There is no such endpoint')))
  app.onError((error, context) =>
    answerOf(context, begin('*'), () => {
      throw error
    }),
  )
  return app
}

function requireAuthentication({ method, path, auth }: Endpoint, mounting: Mounting): void {
  if (auth === 'none') return
  const known = auth === 'server' ? mounting.authenticateServer : mounting.authenticate
  if (!known) throw new Error(`nobody can authenticate who calls ${method} ${path}`)
}

/** What is `v3` since version 1.1 of the specification was `r0` before, and is asked for under that name by clients of those days. */
function routesOf(route: string): readonly string[] {
  const match = /^\/_matrix\/(client|media)\/v3\//.exec(route)
  return match ? [route, `/_matrix/${match[1]}/r0/${route.slice(match[0].length)}`] : [route]
}

/** One request, for the log and the measurements. */
interface Call {
  readonly id: string
  /** The template, never the path itself: that has names of people. */
  readonly path: string
  readonly started: Milliseconds
}

/** Ids are short and do not repeat within a process; they only join a line of the log to an answer. */
function calls(clock: Clock): (path: string) => Call {
  let count = 0
  return (path) => ({ id: (++count).toString(36), path, started: clock.now() })
}

/** Makes the one response of a call from whatever `work` comes to. */
function answers(mounting: Mounting) {
  function failure(error: unknown, { id, path }: Call): MatrixError {
    if (error instanceof MatrixError) return error
    const explained = mounting.explain(error)
    if (explained) return explained
    mounting.log.error({ err: error, id, path }, 'request failed')
    return new MatrixError(500, 'M_UNKNOWN', 'Internal server error')
  }

  return async (context: Context, call: Call, work: () => Answer | MatrixError | Promise<Answer | MatrixError>) => {
    let parts: ResponseParts
    try {
      parts = partsOf(await work())
    } catch (error) {
      parts = errorParts(failure(error, call))
    }
    const { method } = context.req
    const duration = mounting.clock.now() - call.started
    mounting.observe(method, call.path, parts.status, duration)
    mounting.log.debug({ id: call.id, method, path: call.path, status: parts.status, duration }, 'request')
    let { body } = parts
    if (method === 'HEAD' && body instanceof ReadableStream) {
      body.cancel().catch((error: unknown) => mounting.log.warn({ err: error, id: call.id }, 'a body was not released'))
      body = null
    }
    return new Response(body, { status: parts.status, headers: { ...parts.headers, 'x-request-id': call.id } })
  }
}

/** The life of a request: authentication, rate limit, query, body, handler. */
async function serve(
  endpoint: Endpoint,
  template: PathTemplate,
  context: Context<{ Bindings: HttpBindings }>,
  mounting: Mounting,
): Promise<Answer | MatrixError> {
  const url = context.req.url
  const question = url.indexOf('?')
  const search = question < 0 ? undefined : new URLSearchParams(url.slice(question + 1))
  const raw = context.req.raw
  const peer = context.env?.incoming?.socket?.remoteAddress ?? ''
  const address = clientAddress(peer, raw.headers.get('x-forwarded-for'), mounting.trustedProxies)
  const { rateLimit } = endpoint
  const byToken = endpoint.auth === 'session' || endpoint.auth === 'optional'
  const session = byToken ? authenticate(endpoint.auth, raw, search, address, mounting) : undefined
  if (session instanceof MatrixError) return session
  if (rateLimit && rateLimit.by !== 'server') {
    const wait = mounting.rateLimits.take(rateLimit, rateLimit.by === 'user' && session ? session.userId : networkOf(address))
    if (wait > 0) return limitExceeded(wait)
  }
  const located = template.read(url)
  if ('error' in located) return located.error
  let query: Record<string, unknown> = {}
  if (endpoint.query) {
    const read = readQuery(endpoint.query, search ?? new URLSearchParams())
    if ('error' in read) return read.error
    query = read.query
  }
  let auth: Authenticated[keyof Authenticated] = session
  let body: unknown
  if (endpoint.auth === 'server') {
    const target = context.env?.incoming?.url ?? targetOf(url)
    const signed = await readSigned(endpoint, raw, target, mounting.authenticateServer)
    if ('error' in signed) return signed.error
    const wait = rateLimit?.by === 'server' ? mounting.rateLimits.take(rateLimit, signed.peer.origin) : 0
    if (wait > 0) return limitExceeded(wait)
    auth = signed.peer
    body = signed.body
  } else if (endpoint.body) {
    const read = await readBody(raw, endpoint.maxBody)
    if ('error' in read) return read.error
    const parsed = parseBody(read.text)
    if ('error' in parsed) return parsed.error
    body = parsed.value
  }
  const problem = endpoint.body && checkBody(endpoint.body, body)
  if (problem) return problem
  const request = {
    auth,
    path: located.path,
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
  address: string,
  mounting: Mounting,
): Session | undefined | MatrixError {
  const header = request.headers.get('authorization')
  const token = header === null ? search?.get('access_token') : /^Bearer +(\S+)$/i.exec(header)?.[1]
  if (!token) return kind === 'optional' ? undefined : missingToken()
  const result = mounting.authenticate?.(token, address) ?? { error: unknownToken(false) }
  return 'error' in result ? result.error : result.session
}

type ResponseParts = Pick<Reply, 'status' | 'headers' | 'body'>

/** @throws TypeError: a header that cannot be sent */
function partsOf(answer: Answer | MatrixError): ResponseParts {
  if (answer instanceof MatrixError) return errorParts(answer)
  if (!isReply(answer)) return { status: 200, headers: jsonHeaders, body: JSON.stringify(answer) }
  // Here it can still become an error; later the server would cut the connection.
  for (const [name, value] of Object.entries(answer.headers)) validateHeaderValue(name, value)
  return { status: answer.status, headers: { ...corsHeaders, ...answer.headers }, body: answer.body }
}

function errorParts(error: MatrixError): ResponseParts {
  const body = JSON.stringify({ errcode: error.code, error: error.message, ...error.fields })
  const wait = error.fields.retry_after_ms
  if (typeof wait !== 'number') return { status: error.status, headers: jsonHeaders, body }
  return { status: error.status, headers: { ...jsonHeaders, 'retry-after': String(Math.ceil(wait / 1000)) }, body }
}
