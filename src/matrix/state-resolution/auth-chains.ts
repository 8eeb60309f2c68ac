import type { EventId } from '../identifiers.ts'
import type { KnownEvents, StateEvent } from './known-events.ts'
import type { DividedStates, Unconflicted } from './state-map.ts'

// Walks keep a list of what is left to do instead of calling themselves: auth chains are as deep as a room is old.

/** An event with all that can be reached from it by `auth_events`: room versions, "Auth chain". Starts with `from`. */
function* authChain(events: KnownEvents, from: Iterable<StateEvent>): Generator<StateEvent> {
  const left = [...from]
  const seen = new Set(left.map(({ eventId }) => eventId))
  for (let event = left.pop(); event; event = left.pop()) {
    yield event
    for (const cited of events.authEventsOf(event)) {
      if (seen.has(cited.eventId)) continue
      seen.add(cited.eventId)
      left.push(cited)
    }
  }
}

/**
 * Room versions, "Auth difference", without the conflicted events themselves, which belong to the full conflicted set anyway. The events of
 * a state count as part of its auth chain. What all states have is in every chain with everything below it, so walks stop there.
 */
export function authDifference(events: KnownEvents, { unconflicted, conflicted }: DividedStates): ReadonlySet<EventId> {
  const isCommon = ({ type, stateKey, eventId }: StateEvent) => unconflicted.get(type, stateKey) === eventId
  const chains = conflicted.map((ids) => chainUntil(events, ids, isCommon))
  const listed = new Set(conflicted.flat())
  const different = new Set<EventId>()
  for (const chain of chains) {
    for (const id of chain) if (!listed.has(id) && !chains.every((other) => other.has(id))) different.add(id)
  }
  removeChains(events, different, unconflicted)
  return different
}

function chainUntil(events: KnownEvents, from: readonly EventId[], isEnd: (event: StateEvent) => boolean): Set<EventId> {
  const chain = new Set(from)
  // A set may grow while it is walked, which makes it the list of what is left to do as well.
  for (const id of chain) {
    const event = events.get(id)
    for (const cited of event ? events.authEventsOf(event) : []) if (!isEnd(cited)) chain.add(cited.eventId)
  }
  return chain
}

/** Takes away what is in the auth chain of an unconflicted event. */
function removeChains(events: KnownEvents, ids: Set<EventId>, unconflicted: Unconflicted): void {
  if (ids.size === 0) return
  const seen = new Set<EventId>()
  for (const start of unconflicted.ids(ids)) {
    if (seen.has(start)) continue
    seen.add(start)
    for (const left = [start]; left.length > 0; ) {
      const id = left.pop()!
      ids.delete(id)
      if (ids.size === 0) return
      for (const cited of events.glance(id)?.authEvents ?? []) {
        if (seen.has(cited)) continue
        seen.add(cited)
        left.push(cited)
      }
    }
  }
}

/** Room version 12, "Conflicted state subgraph": everything on a way by `auth_events` from one of the events to another, ends included. */
export function conflictedStateSubgraph(events: KnownEvents, conflicted: ReadonlySet<StateEvent>): ReadonlySet<EventId> {
  const citing = new Map<EventId, EventId[]>()
  for (const event of authChain(events, conflicted)) {
    for (const { eventId } of events.authEventsOf(event)) {
      const list = citing.get(eventId)
      if (list) list.push(event.eventId)
      else citing.set(eventId, [event.eventId])
    }
  }
  // All of these are below a conflicted event; those that are above one as well are on a way.
  const subgraph = new Set([...conflicted].map(({ eventId }) => eventId))
  for (const id of subgraph) for (const above of citing.get(id) ?? []) subgraph.add(above)
  return subgraph
}
