import type { EventId } from '../identifiers.ts'

/** A room's state: event ids by type, then by state key. Values: never changed, so parts of them are shared. */
export type StateMap = ReadonlyMap<string, ReadonlyMap<string, EventId>>

/** What a room's states have in common, as resolution asks for it. A snapshot that finds differences by itself can stand behind it. */
export interface Unconflicted {
  /** The event that all states have for a type and state key; undefined where they differ or have none. */
  get(type: string, stateKey: string): EventId | undefined
  /**
   * Event ids of all entries, in any order. Whoever knows in which order events were stored may leave out those that are older than all
   * of `wanted` and so cannot have one of them in their auth chain. Asked only when the auth difference depends on it.
   */
  ids(wanted: ReadonlySet<EventId>): Iterable<EventId>
}

/** A set of states, divided: room versions 2 to 12, "Unconflicted state map and conflicted state set". */
export interface DividedStates {
  readonly unconflicted: Unconflicted
  /** Of each state the events that the others do not all have for their key; empty where a state has none. */
  readonly conflicted: readonly (readonly EventId[])[]
}

/** Divides states by looking at each entry once; nothing is copied but the entries in conflict. */
export function divideStates(states: readonly StateMap[]): DividedStates {
  const conflicted: EventId[][] = states.map(() => [])
  const types = new Set(states.flatMap((state) => [...state.keys()]))
  for (const type of types) {
    const maps = states.map((state) => state.get(type))
    if (maps.every((map) => map === maps[0])) continue
    for (const [index, map] of maps.entries()) {
      for (const [stateKey, id] of map ?? []) {
        if (!maps.every((other) => other?.get(stateKey) === id)) conflicted[index]?.push(id)
      }
    }
  }
  return { unconflicted: commonPart(states), conflicted }
}

function commonPart(states: readonly StateMap[]): Unconflicted {
  const [first, ...others] = states
  const get = (type: string, stateKey: string) => {
    const id = first?.get(type)?.get(stateKey)
    return others.every((other) => other.get(type)?.get(stateKey) === id) ? id : undefined
  }
  return {
    get,
    *ids() {
      for (const [type, map] of first ?? []) {
        for (const [stateKey, id] of map) if (get(type, stateKey) === id) yield id
      }
    },
  }
}
