import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { type BlockList, isIP, type LookupFunction } from 'node:net'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import type { Milliseconds, Timers } from '../platform/clock.ts'
import type { Resolver } from '../platform/resolver.ts'
import { mayReach } from './addresses.ts'
import { type Head, maxAside, type OpenSink, pour } from './sink.ts'

/** One HTTPS request, to one place. */
export interface Outgoing {
  readonly method: 'GET' | 'PUT' | 'POST'
  /** Name or IP address (IPv6 without brackets) of the machine to connect to. */
  readonly host: string
  readonly port: number
  /** The name that its certificate must be for; undefined: for the IP address `host`. */
  readonly tlsName: string | undefined
  /** Path and query. */
  readonly target: string
  /** With `host`. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly limits: Limits
  /** Where the answer's body goes; absent: into memory. */
  readonly open?: OpenSink
}

export interface Limits {
  /** Time to find, reach and authenticate the machine. */
  readonly connect: Milliseconds
  /** Time until the answer begins. */
  readonly headers: Milliseconds
  /** Time until the answer has ended. */
  readonly total: Milliseconds
  /** Bytes of the answer's body. */
  readonly bytes: number
}

export interface Incoming {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Empty where the body went into a sink. */
  readonly body: Buffer
}

/** No answer, and why: nothing came back, or nothing that may be believed. */
export interface Unanswered {
  readonly problem: string
  /** Whether the request can have arrived. If not, another machine of the same server may be tried. */
  readonly sent: boolean
  /** A download (`open`) did begin, but broke off or was too large: its server is there. */
  readonly begun?: true
}

/** The world outside, as `egress.ts` needs it; tests have one inside their process. */
export interface Network {
  exchange(request: Outgoing): Promise<Incoming | Unanswered>
  services: Resolver['services']
  close(): void
}

export interface NetworkDeps {
  readonly resolver: Resolver
  readonly timers: Timers
  /** Internal addresses that may be reached although they are. */
  readonly allowed: BlockList
  /** PEM; undefined: only the usual authorities are trusted. */
  readonly extraCa: string | undefined
}

/** Connections; a server that answers slowly must not use up the sockets of all. */
const pool = { maxSockets: 8, maxTotalSockets: 256, maxFreeSockets: 2, timeout: 30_000 }
const maxHeaderSize = 16 * 1024

/** The real network: TLS is always verified, and internal addresses are refused when it comes to connecting, whatever a name resolved to before. */
export function createNetwork({ resolver, timers, allowed, extraCa }: NetworkDeps): Network {
  const agent = new Agent({ keepAlive: true, scheduling: 'lifo', ...pool })
  const lookup = checkedLookup(resolver, allowed)
  let trust: SecureContext | undefined

  function open(request: Outgoing): ClientRequest {
    // Made once: reading a hundred authorities takes milliseconds.
    if (extraCa !== undefined) trust ??= createSecureContext({ ca: [...getCACertificates('default'), extraCa] })
    return httpsRequest({
      agent,
      method: request.method,
      host: request.host,
      port: request.port,
      path: request.target,
      headers: { ...request.headers, ...(request.body !== undefined && { 'content-length': Buffer.byteLength(request.body) }) },
      // No name: Node holds the certificate against `host`.
      servername: request.tlsName ?? '',
      rejectUnauthorized: true,
      lookup,
      maxHeaderSize,
      ...(trust && { secureContext: trust }),
    })
  }

  async function exchange(request: Outgoing): Promise<Incoming | Unanswered> {
    // Node asks no lookup about what is an address already.
    if (isIP(request.host) !== 0 && !mayReach(request.host, allowed)) return refused(request.host)
    const first = await once(open(request), request, timers)
    // The other side closed a kept connection just when this request came. All requests between servers may be repeated.
    return 'stale' in first ? once(open(request), request, timers) : first
  }

  return { exchange, services: resolver.services, close: () => agent.destroy() }
}

interface Stale extends Unanswered {
  readonly stale: true
}

/** Sends, and waits for the end of the answer or of patience. Rejects with what a sink throws. */
function once(outgoing: ClientRequest, { body, limits, open }: Outgoing, timers: Timers): Promise<Incoming | Unanswered | Stale> {
  return new Promise((resolve, reject) => {
    let connected = false
    let begun = false
    const stop = (problem: string) => settle({ problem, sent: connected, ...(begun && { begun }) })
    const ending = timers.after(limits.total, () => stop('The answer took too long'))
    const heading = timers.after(limits.headers, () => stop('No answer came in time'))
    const connecting = timers.after(limits.connect, () => stop('No connection in time'))
    let settled = false
    const settle = (result: Incoming | Unanswered | Stale) => {
      // By now the connection may serve another request.
      if (settled) return
      settled = true
      for (const cancel of [ending, heading, connecting]) cancel()
      resolve(result)
      if ('problem' in result) outgoing.destroy()
    }
    const reached = () => {
      connected = true
      connecting()
    }
    outgoing.on('socket', (socket) => (outgoing.reusedSocket ? reached() : socket.once('secureConnect', reached)))
    outgoing.on('response', (incoming) => {
      heading()
      begun = open !== undefined
      const head = { status: incoming.statusCode ?? 0, headers: headersOf(incoming) }
      const sink = open?.(head)
      if (!sink) return readBody(incoming, head, open ? Math.min(limits.bytes, maxAside) : limits.bytes, stop, settle)
      pour(incoming, limits.bytes, sink).then(
        ({ problem }) => {
          if (problem === undefined) settle({ ...head, body: Buffer.alloc(0) })
          else stop(problem)
          if (!incoming.complete) outgoing.destroy()
        },
        (error: unknown) => {
          reject(error)
          stop('The answer could not be kept')
        },
      )
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const stale = !begun && outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      settle({ problem: error.message, sent: connected, ...(begun && { begun }), ...(stale && { stale }) })
    })
    // A sink may still be busy with what came before; if that was not all, `pour` notices.
    outgoing.on('close', () => begun || stop('The connection was closed'))
    outgoing.end(body)
  })
}

function readBody(
  incoming: IncomingMessage,
  head: Head,
  limit: number,
  stop: (problem: string) => void,
  settle: (result: Incoming) => void,
): void {
  const chunks: Buffer[] = []
  let length = 0
  incoming.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > limit) stop(`The answer has more than ${limit} bytes`)
    else chunks.push(chunk)
  })
  incoming.on('error', (error) => stop(error.message))
  incoming.on('end', () => settle({ ...head, body: Buffer.concat(chunks) }))
}

function headersOf({ headersDistinct }: IncomingMessage): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const [name, values] of Object.entries(headersDistinct)) headers[name] = values?.join(', ') ?? ''
  return headers
}

/** Only lets addresses through that may be reached. */
function checkedLookup(resolver: Resolver, allowed: BlockList): LookupFunction {
  return (host, options, done) => {
    resolver.addresses(host).then(
      (addresses) => {
        const usable = addresses.filter((address) => mayReach(address, allowed))
        const [first] = usable
        if (first === undefined) {
          const problem = addresses.length === 0 ? 'there is no such name' : 'it leads to internal addresses only'
          done(new Error(`${host}: ${problem}`), '')
        } else if (options.all)
          done(
            null,
            usable.map((address) => ({ address, family: isIP(address) })),
          )
        else done(null, first, isIP(first))
      },
      (error: NodeJS.ErrnoException) => done(error, ''),
    )
  }
}

function refused(address: string): Unanswered {
  return { problem: `${address} is an internal address`, sent: false }
}
