import type { ServerName } from '../matrix/identifiers.ts'
import type { Edu } from './outbox.ts'

/** What is to be said to servers now or never; of one name only the newest. */
export interface Ephemeral {
  add(server: ServerName, edu: Edu & { readonly name: string }): void
  of(server: ServerName): Iterable<Edu>
  sent(server: ServerName, edus: readonly Edu[]): void
  drop(server: ServerName): void
}

/** Names that wait for one server; the oldest goes first. */
const maxNames = 200

export function createEphemeral(): Ephemeral {
  const waiting = new Map<ServerName, Map<string, Edu>>()
  return {
    add(server, edu) {
      const named = waiting.get(server) ?? new Map<string, Edu>()
      named.delete(edu.name)
      named.set(edu.name, edu)
      const [oldest] = named.size > maxNames ? named.keys() : []
      if (oldest !== undefined) named.delete(oldest)
      waiting.set(server, named)
    },
    of: (server) => waiting.get(server)?.values() ?? [],
    sent(server, edus) {
      const named = waiting.get(server)
      if (!named) return
      for (const { name } of edus) if (name !== undefined) named.delete(name)
      if (named.size === 0) waiting.delete(server)
    },
    drop: (server) => waiting.delete(server),
  }
}
