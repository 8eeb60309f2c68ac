import { isIP } from 'node:net'
import type { Clock } from '../platform/clock.ts'
import type { Incoming, Limits, Network, Outgoing, Unanswered } from './network.ts'
import type { OpenSink } from './sink.ts'

/** The one way out of this process. */
export interface Egress {
  /** To a place that discovery found; a redirect is an answer like others. */
  exchange(request: Outgoing): Promise<Incoming | Unanswered>
  /** Asks for an `https:` address and follows at most `redirects` of them, all within the same time. */
  get(url: string, redirects: number, limits: Limits, wish?: Wish): Promise<Incoming | Unanswered>
}

interface Wish {
  /** Absent: JSON is asked for. */
  readonly headers?: Readonly<Record<string, string>>
  /** For the answer that is no redirect. */
  readonly open?: OpenSink
}

const redirections: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

export function createEgress({ network, clock }: { readonly network: Network; readonly clock: Clock }): Egress {
  return {
    exchange: (request) => network.exchange(request),
    async get(url, redirects, limits, wish = {}) {
      const deadline = clock.now() + limits.total
      let next: string | undefined = url
      for (let hop = 0; hop <= redirects; hop += 1) {
        const request = requestFor(next, { ...limits, total: deadline - clock.now() }, wish)
        if ('problem' in request) return request
        const answer = await network.exchange(request)
        if ('problem' in answer || !redirections.has(answer.status)) return answer
        const { location } = answer.headers
        if (location === undefined || !URL.canParse(location, next)) return unanswered('A redirect that leads nowhere')
        next = new URL(location, next).href
        if (clock.now() >= deadline) return unanswered('The redirects took too long')
      }
      return unanswered(`More than ${redirects} redirects`)
    },
  }
}

function requestFor(
  address: string,
  limits: Limits,
  { headers = { accept: 'application/json' }, open }: Wish,
): Outgoing | Unanswered {
  const url = new URL(address)
  if (url.protocol !== 'https:') return unanswered(`${url.protocol} is no way to ask, only https:`)
  if (url.username !== '' || url.password !== '') return unanswered('An address with a user name')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return {
    method: 'GET',
    host,
    port: url.port === '' ? 443 : Number(url.port),
    tlsName: isIP(host) === 0 ? host : undefined,
    target: `${url.pathname}${url.search}`,
    headers: { ...headers, host: url.host },
    limits,
    ...(open && { open: (head) => (redirections.has(head.status) ? undefined : open(head)) }),
  }
}

function unanswered(problem: string): Unanswered {
  return { problem, sent: false }
}
