import type { Milliseconds } from '../platform/clock.ts'

export type PresenceState = 'online' | 'unavailable' | 'offline'

/** A device's last word on presence, and until when it counts as connected. */
interface Connection {
  readonly wanted: PresenceState
  readonly until: Milliseconds
}

/** What is known of one user; in memory only. */
export interface Person {
  /** By device. */
  readonly connections: Map<string, Connection>
  statusMessage: string | undefined
  /** Of the last thing that the user did. */
  lastActive: Milliseconds
  /** What the user's own server said, and until when it is believed; undefined: a user of this server. */
  heard: { readonly state: PresenceState; readonly until: Milliseconds } | undefined
}

/** Whoever did nothing for so long is no longer online; source: client-server API, "Idle timeout". */
export const idleAfter: Milliseconds = 5 * 60_000

/** The state that the devices of a user add up to: the most present of those that are connected. */
export function stateOf(person: Person, now: Milliseconds): PresenceState {
  if (person.heard) return person.heard.until > now ? person.heard.state : 'offline'
  let state: PresenceState = 'offline'
  for (const { wanted, until } of person.connections.values()) {
    if (until <= now || wanted === 'offline') continue
    if (wanted === 'online' && now < person.lastActive + idleAfter) return 'online'
    state = 'unavailable'
  }
  return state
}

/** When the state may change by itself; undefined: never. */
export function nextChange(person: Person, now: Milliseconds): Milliseconds | undefined {
  if (person.heard) return person.heard.state !== 'offline' && person.heard.until > now ? person.heard.until : undefined
  const idle = person.lastActive + idleAfter
  const moments = [idle, ...[...person.connections.values()].map(({ until }) => until)].filter((moment) => moment > now)
  return person.connections.size === 0 || moments.length === 0 ? undefined : Math.min(...moments)
}
