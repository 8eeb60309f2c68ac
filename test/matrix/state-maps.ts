import type { EventId } from '../../src/matrix/identifiers.ts'
import type { Pdu } from '../../src/matrix/pdu.ts'
import type { StateMap } from '../../src/matrix/state-resolution/state-map.ts'

/** A state from its events; of two for the same key the later holds. */
export function stateMapOf(events: Iterable<Pdu>): StateMap {
  const state = new Map<string, Map<string, EventId>>()
  for (const { type, stateKey, eventId } of events) {
    if (stateKey === undefined) throw new Error(`${eventId} is no state event`)
    const ofType = state.get(type) ?? new Map<string, EventId>()
    state.set(type, ofType.set(stateKey, eventId))
  }
  return state
}

/** A state as sorted triples. */
export function entriesOf(state: StateMap): readonly (readonly [type: string, stateKey: string, eventId: string])[] {
  const triples = [...state].flatMap(([type, ofType]) => [...ofType].map(([stateKey, id]) => [type, stateKey, id] as const))
  const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return triples.sort((a, b) => order(a[0], b[0]) || order(a[1], b[1]))
}
