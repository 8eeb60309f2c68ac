import { createHash } from 'node:crypto'
import { authorize } from '../authorisation/authorize.ts'
import type { StateLookup } from '../authorisation/scene.ts'
import type { EventId } from '../identifiers.ts'
import type { RoomVersion } from '../room-versions.ts'
import type { KnownEvents, StateEvent } from './known-events.ts'
import { eventOfState } from './known-events.ts'
import { createPartialState } from './partial-state.ts'
import type { DividedStates } from './state-map.ts'

const authTypes = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member']

/**
 * State resolution of room version 1: room versions, "Room Version 1", "State resolution". Answers the events that hold beside the
 * unconflicted state. Where the text is silent this does what other servers do: the memberships of different users do not see each
 * other's outcome, and if none of the other events passes, the one of lowest depth is kept.
 */
export function resolveV1(
  version: RoomVersion,
  events: KnownEvents,
  { unconflicted, conflicted }: DividedStates,
): readonly StateEvent[] {
  const resolved = createPartialState()
  const state: StateLookup = (type, stateKey) => {
    const id = unconflicted.get(type, stateKey)
    return resolved.get(type, stateKey) ?? (id && events.get(id))
  }
  const candidates = candidatesByKey(new Set(conflicted.flat().map((id) => eventOfState(events, id))))
  // An entry that some states lack is no conflict here.
  for (const [only] of candidates.filter((list) => list.length === 1)) if (only) resolved.set(only)
  const conflicts = candidates.filter((list) => list.length > 1)
  for (const type of authTypes) {
    const ofType = conflicts.filter(([first]) => first?.type === type)
    const winners = ofType.map((list) => lastOfUnbrokenRow(version, list, state))
    for (const winner of winners) resolved.set(winner)
  }
  const others = conflicts.filter(([first]) => !authTypes.includes(first?.type ?? ''))
  for (const winner of others.map((list) => deepestThatPasses(version, list, state))) resolved.set(winner)
  return [...resolved.events()]
}

type Candidates = readonly [StateEvent, ...StateEvent[]]

/** The events of each key, ascending by depth, then descending by the hash of their ids. */
function candidatesByKey(conflicted: Iterable<StateEvent>): readonly Candidates[] {
  const keys = new Map<string, [StateEvent, ...StateEvent[]]>()
  for (const event of conflicted) {
    const key = JSON.stringify([event.type, event.stateKey])
    const list = keys.get(key)
    if (list) list.push(event)
    else keys.set(key, [event])
  }
  for (const list of keys.values()) {
    const hashes = new Map(list.map(({ eventId }) => [eventId, sha1(eventId)]))
    const hashOf = ({ eventId }: StateEvent) => hashes.get(eventId) ?? ''
    list.sort((a, b) => a.depth - b.depth || (hashOf(a) > hashOf(b) ? -1 : 1))
  }
  return [...keys.values()]
}

function sha1(id: EventId): string {
  return createHash('sha1').update(id).digest('hex')
}

/** Each event replaces the one before it as long as it passes; the first that does not ends the row. */
function lastOfUnbrokenRow(version: RoomVersion, [first, ...rest]: Candidates, state: StateLookup): StateEvent {
  let holder = first
  for (const event of rest) {
    const before = holder
    const withHolder: StateLookup = (type, stateKey) =>
      type === before.type && stateKey === before.stateKey ? before : state(type, stateKey)
    if (!authorize(version, event, withHolder).ok) break
    holder = event
  }
  return holder
}

function deepestThatPasses(version: RoomVersion, candidates: Candidates, state: StateLookup): StateEvent {
  return candidates.findLast((event) => authorize(version, event, state).ok) ?? candidates[0]
}
