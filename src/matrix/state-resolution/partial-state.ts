import type { StateEvent } from './known-events.ts'

/** The part of a state that a resolution has settled so far. */
export interface PartialState {
  get(type: string, stateKey: string): StateEvent | undefined
  set(event: StateEvent): void
  events(): Iterable<StateEvent>
}

export function createPartialState(): PartialState {
  const types = new Map<string, Map<string, StateEvent>>()
  return {
    get: (type, stateKey) => types.get(type)?.get(stateKey),
    set(event) {
      const ofType = types.get(event.type)
      if (ofType) ofType.set(event.stateKey, event)
      else types.set(event.type, new Map([[event.stateKey, event]]))
    },
    *events() {
      for (const ofType of types.values()) yield* ofType.values()
    },
  }
}
