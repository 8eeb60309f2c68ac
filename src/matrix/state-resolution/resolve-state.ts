import type { EventLookup } from '../authorisation/check-auth-events.ts'
import type { EventId } from '../identifiers.ts'
import type { RoomVersion } from '../room-versions.ts'
import type { StateEvent } from './known-events.ts'
import { rememberEvents } from './known-events.ts'
import { resolveV1 } from './resolve-v1.ts'
import { resolveV2 } from './resolve-v2.ts'
import type { DividedStates, StateMap } from './state-map.ts'
import { divideStates } from './state-map.ts'

/**
 * The state that several states of one room resolve to: room versions, "State resolution". The order of the states does not matter. Cost
 * follows the entries in conflict and their auth chains, apart from one look at each entry.
 * @param lookup events of the room; all events in conflict must be known. Auth events that are not are as if they had not been cited
 */
export function resolveState(version: RoomVersion, states: readonly StateMap[], lookup: EventLookup): StateMap {
  const [first, ...others] = states
  if (!first) return new Map()
  if (others.every((state) => state === first)) return first
  const divided = divideStates(states)
  if (divided.conflicted.every((ids) => ids.length === 0)) return first
  return withChanges(first, divided.conflicted[0] ?? [], resolveConflicts(version, divided, lookup), lookup)
}

/**
 * The core of `resolveState` for callers who know in what their states differ. Answers the events that hold beside the unconflicted
 * state, at most one for a type and state key; a key in conflict that none of them has is not in the resolved state.
 */
export function resolveConflicts(version: RoomVersion, states: DividedStates, lookup: EventLookup): readonly StateEvent[] {
  const events = rememberEvents(version, lookup)
  return version.stateResolution === 'v1' ? resolveV1(version, events, states) : resolveV2(version, events, states).resolved
}

/** A copy of those types that change; all others are shared. */
function withChanges(state: StateMap, removed: readonly EventId[], added: readonly StateEvent[], lookup: EventLookup): StateMap {
  const result = new Map(state)
  const copied = new Map<string, Map<string, EventId>>()
  const ofType = (type: string) => {
    const known = copied.get(type)
    if (known) return known
    const copy = new Map(state.get(type))
    copied.set(type, copy)
    result.set(type, copy)
    return copy
  }
  for (const id of removed) {
    const pdu = lookup(id)?.pdu
    if (pdu?.stateKey !== undefined) ofType(pdu.type).delete(pdu.stateKey)
  }
  for (const { type, stateKey, eventId } of added) ofType(type).set(stateKey, eventId)
  for (const [type, copy] of copied) if (copy.size === 0) result.delete(type)
  return result
}
