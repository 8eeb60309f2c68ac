import type { ServerName } from '../matrix/identifiers.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'

/**
 * Tells an outage of this server's own connection from one of others: servers that could be reached until now fail one after the other, and
 * none answers in between.
 */
export interface OutageWatch {
  /** A server that did not fail before fails. */
  failed(server: ServerName): void
  /** A server answers, or is heard from. If that ends an outage: the servers that failed because of it. */
  succeeded(): readonly ServerName[]
}

/** Servers that must have failed. */
const least = 2
/** Shorter ones others have hardly noticed: they try again within this time by themselves. */
const shortest: Milliseconds = 60_000

export function createOutageWatch(clock: Clock): OutageWatch {
  const lost = new Set<ServerName>()
  let since = 0
  return {
    failed(server) {
      if (lost.size === 0) since = clock.now()
      lost.add(server)
    },
    succeeded() {
      if (lost.size === 0) return []
      const outage = lost.size >= least && clock.now() - since >= shortest
      const servers = outage ? [...lost] : []
      lost.clear()
      return servers
    },
  }
}
