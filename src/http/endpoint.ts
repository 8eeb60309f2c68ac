import type { Static, TObject, TSchema } from 'typebox'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Answer } from './reply.ts'

/** Who asks, as the access token says. */
export interface Session {
  readonly userId: string
  readonly deviceId: string
  /** Row of the access token: it goes with the session. */
  readonly tokenId: number
  readonly admin: boolean
}

/** Another server, as its signature over the request proves. */
export interface Peer {
  readonly origin: ServerName
}

/** The kinds of authentication; each adds its result to what the handler receives. */
export interface Authenticated {
  readonly none: undefined
  readonly optional: Session | undefined
  readonly session: Session
  readonly server: Peer
}

/** How often one user (`session`), server (`server`) or network address may call; a bucket of `burst` that refills by `perSecond`. */
export interface RateLimit {
  /** Endpoints that share a name share the bucket. */
  readonly name: string
  readonly by: 'user' | 'server' | 'address'
  readonly burst: number
  readonly perSecond: number
}

/** The names in braces of a path, as an object of texts. */
export type PathParameters<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [Key in Name | keyof PathParameters<Rest>]: string }
  : Record<never, string>

export interface EndpointRequest<
  Auth extends keyof Authenticated,
  Path extends string,
  Query extends TObject,
  Body extends TSchema,
> {
  readonly auth: Authenticated[Auth]
  readonly path: PathParameters<Path>
  readonly query: Static<Query>
  readonly body: Static<Body>
  /** The raw request, for those who stream bodies or read headers. */
  readonly raw: Request
  /** The client's network address. */
  readonly address: string
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal
}

/** One operation of an API: the only place that names its method, path, authentication, limits and schemas. */
export interface Endpoint {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** As the official API description writes it, with `{names}`. */
  readonly path: string
  readonly auth: keyof Authenticated
  readonly query: TObject | undefined
  /** Undefined: the endpoint takes no JSON body, or reads the raw request itself. */
  readonly body: TSchema | undefined
  /** Bytes. */
  readonly maxBody: number
  readonly rateLimit: RateLimit | undefined
  handle(request: EndpointRequest<keyof Authenticated, string, TObject, TSchema>): Answer | Promise<Answer>
}

interface Definition<Auth extends keyof Authenticated, Path extends string, Query extends TObject, Body extends TSchema> {
  method: Endpoint['method']
  path: Path
  auth: Auth
  query?: Query
  body?: Body
  maxBody?: number
  rateLimit?: RateLimit
  handle(request: EndpointRequest<Auth, Path, Query, Body>): Answer | Promise<Answer>
}

/** Bytes of a JSON body unless an endpoint says otherwise: an event of the largest size in the wasteful escapes that JSON allows. */
const defaultMaxBody = 256 * 1024

/** Declares an endpoint; the handler's argument is typed after the declaration. */
export function endpoint<
  Auth extends keyof Authenticated,
  const Path extends string,
  Query extends TObject = TObject,
  Body extends TSchema = TSchema,
>(definition: Definition<Auth, Path, Query, Body>): Endpoint {
  return {
    method: definition.method,
    path: definition.path,
    auth: definition.auth,
    query: definition.query,
    body: definition.body,
    maxBody: definition.maxBody ?? defaultMaxBody,
    rateLimit: definition.rateLimit,
    // The kernel calls it only with what the declaration above has checked.
    handle: definition.handle as Endpoint['handle'],
  }
}
