import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createSecureContext } from 'node:tls'
import { getRequestListener } from '@hono/node-server'
import type { Milliseconds } from '../platform/clock.ts'

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

export interface Listener {
  /** With the port that the system chose, where 0 was asked for. */
  readonly address: ListenAddress
  /**
   * Takes no new connections, lets running requests end, and cuts what is left after `grace`. Long polls end by themselves only
   * when somebody ends them: close `storage.waiters` right after calling this.
   */
  close(grace: Milliseconds): Promise<void>
  /** From now on new connections get this certificate; those that are open stay. Throws if the pair is broken; then the one before stays. */
  setCertificate(certificate: Certificate): void
}

type Fetch = (request: Request, env: never) => Response | Promise<Response>

/** What keeps slow, greedy or vanished peers from holding connections; tests set narrower ones. */
export interface Limits {
  /** Time for a request's headers. */
  readonly headers: Milliseconds
  /** Time for a whole request with its body, such as an upload. */
  readonly request: Milliseconds
  /** How often the two above are looked at. */
  readonly check: Milliseconds
  /** How long an idle connection stays; longer than a minute, which is what proxies keep theirs for. */
  readonly keepAlive: Milliseconds
  /** A connection on which nothing moved for so long is cut; longer than any long poll. */
  readonly silence: Milliseconds
  readonly connections: number
}

const defaultLimits: Limits = {
  headers: 20_000,
  request: 300_000,
  check: 5_000,
  keepAlive: 75_000,
  silence: 600_000,
  connections: 10_000,
}
/** Bytes; a request's line, with its query, counts as well. */
const maxHeaderSize = 16 * 1024
/** How often a closing listener looks for connections that have become idle. */
const sweep: Milliseconds = 20

/** A server's certificate, with those between it and its authority, and its private key; PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Serves an application on a TCP address; with a certificate through TLS. */
export function listen(
  fetch: Fetch,
  address: ListenAddress,
  limits: Partial<Limits> = {},
  certificate?: Certificate,
): Promise<Listener> {
  const { server, close, setCertificate } = serverOf(fetch, { ...defaultLimits, ...limits }, certificate)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, 1024, () => {
      server.off('error', reject)
      const bound = server.address()
      const port = typeof bound === 'object' && bound ? bound.port : address.port
      resolve({ address: { host: address.host, port }, close, setCertificate })
    })
  })
}

function serverOf(
  fetch: Fetch,
  limits: Limits,
  certificate: Certificate | undefined,
): Pick<Listener, 'close' | 'setCertificate'> & { readonly server: Server } {
  const serve = getRequestListener(fetch as (request: Request) => Response | Promise<Response>, {
    // For old clients, such as health checks, that name no host.
    hostname: 'localhost',
    overrideGlobalObjects: true,
    errorHandler: () => malformed(),
  })
  let closing = false
  const options = {
    maxHeaderSize,
    headersTimeout: limits.headers,
    requestTimeout: limits.request,
    connectionsCheckingInterval: limits.check,
    keepAliveTimeout: limits.keepAlive,
  }
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    // A client that keeps its connection would begin its next long poll here.
    if (closing) response.shouldKeepAlive = false
    void serve(request, response)
  }
  const secure = certificate && createTlsServer({ ...options, ...certificate, handshakeTimeout: limits.headers }, onRequest)
  const server = secure ?? createServer(options, onRequest)
  server.timeout = limits.silence
  server.maxConnections = limits.connections
  return {
    server,
    close(grace) {
      closing = true
      return drain(server, grace)
    },
    setCertificate(renewed) {
      // Throws before anything is changed.
      createSecureContext({ ...renewed })
      secure?.setSecureContext({ ...renewed })
    },
  }
}

/** Requests that do not even have a proper address; what exactly is wrong may hold an access token and is not repeated. */
function malformed(): Response {
  const body = JSON.stringify({ errcode: 'M_UNRECOGNIZED', error: 'Not a proper request' })
  return new Response(body, { status: 400, headers: { 'content-type': 'application/json', 'access-control-allow-origin': '*' } })
}

function drain(server: Server, grace: Milliseconds): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), grace)
    const idle = setInterval(() => server.closeIdleConnections(), sweep)
    server.close(() => {
      clearTimeout(cut)
      clearInterval(idle)
      resolve()
    })
    server.closeIdleConnections()
  })
}
