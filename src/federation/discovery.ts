import type { HostAndPort, ServerName } from '../matrix/identifiers.ts'
import { parseServerName, splitServerName } from '../matrix/identifiers.ts'
import { isObject } from '../matrix/json.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Random } from '../platform/random.ts'
import type { Resolver, Service } from '../platform/resolver.ts'
import { delayAfter } from './back-off.ts'
import type { Egress } from './egress.ts'
import { createExpiringCache, type Lasting } from './expiring-cache.ts'
import type { Incoming } from './network.ts'

/** Where a server is, and how it must prove that it is the one. */
export interface Location {
  /** In the order in which they are to be tried; none: the server says that it is nowhere. */
  readonly places: readonly { readonly host: string; readonly port: number }[]
  readonly hostHeader: string
  /** Undefined: the certificate must be for the IP address. */
  readonly tlsName: string | undefined
}

export interface DiscoveryDeps {
  /** For `.well-known`. */
  readonly get: Egress['get']
  readonly services: Resolver['services']
  readonly clock: Clock
  readonly random: Random
}

/** Finds a server. Source: server-server API, "Resolving server names". */
export type Discovery = (server: ServerName) => Promise<Location>

const defaultPort = 8448
const minute: Milliseconds = 60_000
const hour = 60 * minute
/** What is kept of `.well-known`; the least is for those who would have it asked for with every request. */
const wellKnown = { least: 5 * minute, usual: 24 * hour, most: 48 * hour, firstError: minute, lastError: hour }
/** SRV records come without the time that they last. */
const servicesLast = 5 * minute
const wellKnownLimits = { connect: 5000, headers: 8000, total: 10_000, bytes: 50 * 1024 }
const maxRedirects = 5
const maxPlaces = 4
const maxEntries = 5000

export function createDiscovery({ get, services, clock, random }: DiscoveryDeps): Discovery {
  const delegations = createExpiringCache<Delegation>(clock, maxEntries)
  const places = createExpiringCache<Location['places']>(clock, maxEntries)

  async function askWellKnown(host: string, failuresBefore: number): Promise<Lasting<Delegation>> {
    const answer = await get(`https://${host}/.well-known/matrix/server`, maxRedirects, wellKnownLimits)
    const delegated = 'problem' in answer ? undefined : readWellKnown(answer)
    if (delegated !== undefined && !('problem' in answer)) {
      return { value: { server: delegated, failures: 0 }, lasts: freshness(answer.headers, clock.now()) }
    }
    const failures = failuresBefore + 1
    return { value: { server: undefined, failures }, lasts: delayAfter(failures, wellKnown.firstError, wellKnown.lastError) }
  }

  async function delegationOf(host: string): Promise<ServerName | undefined> {
    const { server } = await delegations.get(host, (before) => askWellKnown(host, before?.failures ?? 0))
    return server
  }

  /** Steps 3.3 to 3.5, or 4 to 6: SRV records, then the usual port. */
  async function byServices(host: string): Promise<Location> {
    const found = await places.get(host, async () => {
      for (const kind of ['_matrix-fed', '_matrix']) {
        const records = await services(`${kind}._tcp.${host}`)
        if (records.length > 0) return { value: inOrder(records, random), lasts: servicesLast }
      }
      return { value: [{ host, port: defaultPort }], lasts: servicesLast }
    })
    return { places: found, hostHeader: host, tlsName: host }
  }

  return async (server) => {
    const name = splitServerName(server)
    const known = withoutQuestions(server, name)
    if (known) return known
    const delegated = await delegationOf(name.host)
    if (delegated === undefined) return byServices(name.host)
    const target = splitServerName(delegated)
    return withoutQuestions(delegated, target) ?? byServices(target.host)
  }
}

interface Delegation {
  /** Undefined: none that is valid. */
  readonly server: ServerName | undefined
  /** In a row. */
  readonly failures: number
}

/** Steps 1 and 2 (and 3.1 and 3.2 of what `.well-known` names): IP addresses and names with a port say themselves where they are. */
function withoutQuestions(server: ServerName, { host, port, kind }: HostAndPort): Location | undefined {
  if (kind === 'dns' && port === undefined) return undefined
  const place = { host: host.replace(/^\[|\]$/g, ''), port: port ?? defaultPort }
  return { places: [place], hostHeader: server, tlsName: kind === 'dns' ? host : undefined }
}

/** What `.well-known` names; undefined: nothing valid. */
function readWellKnown({ status, body }: Incoming): ServerName | undefined {
  if (status !== 200) return undefined
  let content: unknown
  try {
    content = JSON.parse(body.toString('utf8'))
  } catch {
    // As invalid as any other answer that names no server: the specification goes on to the next step.
    return undefined
  }
  return isObject(content) ? parseServerName(content['m.server']) : undefined
}

/** How long an answer may be kept; source: RFC 9111, sections 5.2.2 and 5.3. */
function freshness(headers: Incoming['headers'], now: Milliseconds): Milliseconds {
  const directives = (headers['cache-control'] ?? '').toLowerCase()
  const maxAge = /(?:^|[\s,])max-age="?(\d{1,10})/.exec(directives)?.[1]
  let lasts: Milliseconds = wellKnown.usual
  if (/\b(no-store|no-cache)\b/.test(directives)) lasts = 0
  else if (maxAge !== undefined) lasts = Number(maxAge) * 1000
  else if (headers.expires !== undefined) lasts = (Date.parse(headers.expires) || now) - now
  return Math.min(wellKnown.most, Math.max(wellKnown.least, lasts))
}

/** By priority, and by lot within one, heavier ones sooner. Source: RFC 2782, "Usage rules"; a target of "." is no server. */
function inOrder(services: readonly Service[], random: Random): Location['places'] {
  const lots = services
    .filter(({ host }) => host !== '' && host !== '.')
    // Smallest first, exponentially distributed with the weight as rate: that draws each in proportion to its weight.
    .map((service) => ({ service, lot: -Math.log((random.bytes(4).readUInt32BE() + 1) / 2 ** 32) / (service.weight + 0.01) }))
  lots.sort((one, other) => one.service.priority - other.service.priority || one.lot - other.lot)
  return lots.slice(0, maxPlaces).map(({ service: { host, port } }) => ({ host: host.replace(/\.$/, ''), port }))
}
