import { authorize } from '../authorisation/authorize.ts'
import type { StateLookup } from '../authorisation/scene.ts'
import type { RoomVersion } from '../room-versions.ts'
import { authDifference, conflictedStateSubgraph } from './auth-chains.ts'
import type { KnownEvents, StateEvent } from './known-events.ts'
import { eventOfState } from './known-events.ts'
import { mainlineOrdering, reverseTopologicalPowerOrdering } from './orderings.ts'
import type { PartialState } from './partial-state.ts'
import { createPartialState } from './partial-state.ts'
import type { DividedStates, Unconflicted } from './state-map.ts'

export interface ResolutionV2 {
  /** The events that hold beside the unconflicted state. */
  readonly resolved: readonly StateEvent[]
  /** The full conflicted set in the order in which it was tried: power events and what they stand on, then all others. */
  readonly powerOrder: readonly StateEvent[]
  readonly mainlineOrder: readonly StateEvent[]
}

/** State resolution of room versions 2 to 11, and with the changes of room version 12: room versions, "State resolution", "Algorithm". */
export function resolveV2(version: RoomVersion, events: KnownEvents, states: DividedStates): ResolutionV2 {
  const fromEmpty = version.stateResolution === 'v2.1'
  const { unconflicted } = states
  const partial = createPartialState()
  const startingState = fromEmpty ? () => undefined : unconflictedEvents(events, unconflicted)
  const conflicted = fullConflictedSet(version, events, states)
  const picked = powerEventsWithChains(events, conflicted)
  const powerOrder = reverseTopologicalPowerOrdering(version, events, picked)
  iterativeAuthChecks(version, events, partial, startingState, powerOrder)
  const remaining = [...conflicted].filter((event) => !picked.has(event))
  const powerLevels = partial.get('m.room.power_levels', '') ?? startingState('m.room.power_levels', '')
  const mainlineOrder = mainlineOrdering(events, powerLevels, remaining)
  iterativeAuthChecks(version, events, partial, startingState, mainlineOrder)
  const resolved = [...partial.events()].filter(({ type, stateKey }) => unconflicted.get(type, stateKey) === undefined)
  return { resolved, powerOrder, mainlineOrder }
}

type StateEventLookup = (type: string, stateKey: string) => StateEvent | undefined

function unconflictedEvents(events: KnownEvents, unconflicted: Unconflicted): StateEventLookup {
  return (type, stateKey) => {
    const id = unconflicted.get(type, stateKey)
    return id && events.get(id)
  }
}

/** "Full conflicted set". */
function fullConflictedSet(version: RoomVersion, events: KnownEvents, states: DividedStates): ReadonlySet<StateEvent> {
  const conflicted = new Set(states.conflicted.flat().map((id) => eventOfState(events, id)))
  const ids = new Set(authDifference(events, states))
  if (version.stateResolution === 'v2.1') for (const id of conflictedStateSubgraph(events, conflicted)) ids.add(id)
  for (const id of ids) {
    const event = events.get(id)
    if (event) conflicted.add(event)
  }
  return conflicted
}

/**
 * Step 1: the power events of the set, with those events of the set that their auth chains reach without leaving it. The text can be
 * read to reach beyond; other servers do not, and where this one did, its rooms would part from theirs.
 */
function powerEventsWithChains(events: KnownEvents, conflicted: ReadonlySet<StateEvent>): ReadonlySet<StateEvent> {
  const picked = new Set<StateEvent>()
  const waiting = [...conflicted].filter(isPowerEvent)
  for (let event = waiting.pop(); event; event = waiting.pop()) {
    if (picked.has(event)) continue
    picked.add(event)
    for (const cited of events.authEventsOf(event)) if (conflicted.has(cited)) waiting.push(cited)
  }
  return picked
}

/** "Power events": those that can take away somebody's ability to do something. */
function isPowerEvent({ type, stateKey, sender, content: { membership } }: StateEvent): boolean {
  if (type === 'm.room.power_levels' || type === 'm.room.join_rules') return true
  return type === 'm.room.member' && (membership === 'leave' || membership === 'ban') && sender !== stateKey
}

/** "Iterative auth checks": puts each event into the state that passes in it. */
function iterativeAuthChecks(
  version: RoomVersion,
  events: KnownEvents,
  partial: PartialState,
  startingState: StateEventLookup,
  ordered: readonly StateEvent[],
): void {
  for (const event of ordered) {
    const cited = acceptedAuthEvents(events, event)
    const state: StateLookup = (type, stateKey) =>
      partial.get(type, stateKey) ??
      startingState(type, stateKey) ??
      cited.find((one) => one.type === type && one.stateKey === stateKey)
    if (authorize(version, event, state).ok) partial.set(event)
  }
}

/** What fills the gaps of the state: auth events that are not rejected, in room version 12 with the create event that the room id implies. */
function acceptedAuthEvents(events: KnownEvents, event: StateEvent): readonly StateEvent[] {
  const create = events.createEventOf(event)
  const cited = events.authEventsOf(event)
  return (create ? [create, ...cited] : cited).filter(({ eventId }) => !events.isRejected(eventId))
}
