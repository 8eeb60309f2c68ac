import type { ServerName } from '../matrix/identifiers.ts'
import type { BackOff } from './back-off.ts'
import type { Discovery } from './discovery.ts'
import type { Egress } from './egress.ts'
import type { Incoming, Outgoing, Unanswered } from './network.ts'

/** Requests to servers by their names. */
export interface Transport {
  send(server: ServerName, request: ServerRequest): Promise<Incoming | Unanswered>
}

export type ServerRequest = Pick<Outgoing, 'method' | 'target' | 'headers' | 'body' | 'limits' | 'open'> & {
  /** Somebody wants it now: the server is asked although it could not be reached a moment ago. */
  readonly insistent?: boolean | undefined
}

export interface TransportDeps {
  readonly discover: Discovery
  readonly egress: Egress
  /** Servers that cannot be reached, to be left alone. */
  readonly unreachable: BackOff
}

/** Finds a server, and tries the places where it may be until one takes the request. */
export function createTransport({ discover, egress, unreachable }: TransportDeps): Transport {
  return {
    async send(server, { insistent, ...request }) {
      if (!insistent && unreachable.wait(server) > 0) return { problem: 'it could not be reached just now', sent: false }
      const { places, hostHeader, tlsName } = await discover(server)
      let answer: Incoming | Unanswered = { problem: 'it says that it is nowhere', sent: false }
      for (const { host, port } of places) {
        answer = await egress.exchange({ ...request, host, port, tlsName, headers: { ...request.headers, host: hostHeader } })
        if (!('problem' in answer) || answer.sent) break
      }
      // A file that is too large, or breaks off, says nothing about whether its server is there.
      if ('problem' in answer && answer.begun !== true) unreachable.failed(server)
      else unreachable.succeeded(server)
      return answer
    },
  }
}
