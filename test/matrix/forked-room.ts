import { selectAuthEvents } from '../../src/matrix/auth-events.ts'
import type { EventLookup } from '../../src/matrix/authorisation/check-auth-events.ts'
import type { EventId } from '../../src/matrix/identifiers.ts'
import type { Pdu } from '../../src/matrix/pdu.ts'
import type { RoomVersion } from '../../src/matrix/room-versions.ts'
import type { StateEvent } from '../../src/matrix/state-resolution/known-events.ts'
import { rememberEvents } from '../../src/matrix/state-resolution/known-events.ts'
import { resolveState } from '../../src/matrix/state-resolution/resolve-state.ts'
import type { ResolutionV2 } from '../../src/matrix/state-resolution/resolve-v2.ts'
import { resolveV2 } from '../../src/matrix/state-resolution/resolve-v2.ts'
import type { StateMap } from '../../src/matrix/state-resolution/state-map.ts'
import { divideStates } from '../../src/matrix/state-resolution/state-map.ts'
import { ada, createEvent, type Draft, pdu } from './hand-made-room.ts'
import { stateMapOf } from './state-maps.ts'

export const bob = '@bob:a.test'
export const cai = '@cai:b.test'
export const dee = '@dee:b.test'

/** State events in their order: of two for the same key the later holds. A fork is two sides with the same beginning. */
export type Side = readonly StateEvent[]

export interface StateDraft extends Draft {
  readonly type: string
  readonly sender: string
  /** Seconds; without it a second after the event before it in the making. */
  readonly at?: number
  readonly depth?: number
}

/** A room whose events are made by hand, nobody's rules asked; ids are `$` and the name given. */
export function createForkedRoom(version: RoomVersion) {
  const events = new Map<string, StateEvent>()
  const rejected = new Set<string>()
  const lookup: EventLookup = (id: EventId) => {
    const found = events.get(id)
    return found && { pdu: found, rejected: rejected.has(id) }
  }
  const keep = (event: Pdu, stateKey: string): StateEvent => {
    const kept = { ...event, stateKey }
    events.set(kept.eventId, kept)
    return kept
  }
  const holder = (side: Side, type: string, stateKey: string) => {
    return side.findLast((one) => one.type === type && one.stateKey === stateKey)
  }
  /** An event on top of a side. Unless the draft says otherwise it cites what the side's state selects. */
  const make = (side: Side, name: string, draft: StateDraft): StateEvent => {
    const stateKey = draft.stateKey ?? ''
    const whole = pdu(version, {
      ...draft,
      stateKey,
      eventId: `$${name}`,
      prevEvents: side.slice(-1).map(({ eventId }) => eventId),
    })
    const selected = selectAuthEvents(version, whole).flatMap(([type, key]) => holder(side, type, key)?.eventId ?? [])
    return {
      ...whole,
      stateKey,
      authEvents: draft.authEvents ? whole.authEvents : selected,
      originServerTs: 1000 * (draft.at ?? events.size),
      depth: draft.depth ?? side.length + 1,
    }
  }
  return {
    version,
    events,
    lookup,
    make,
    create: [keep({ ...createEvent(version), originServerTs: 0, depth: 1 }, '')] as Side,
    add: (side: Side, event: StateEvent): Side => [...side, keep(event, event.stateKey)],
    send: (side: Side, name: string, draft: StateDraft): Side => [...side, keep(make(side, name, draft), draft.stateKey ?? '')],
    reject: (name: string) => rejected.add(`$${name}`),
    resolve: (...sides: readonly Side[]): StateMap => resolveState(version, sides.map(stateMapOf), lookup),
    steps: (...sides: readonly Side[]): ResolutionV2 =>
      resolveV2(version, rememberEvents(version, lookup), divideStates(sides.map(stateMapOf))),
  }
}

export type ForkedRoom = ReturnType<typeof createForkedRoom>

export const membership = (of: string, value: string, sender = of) => ({
  type: 'm.room.member',
  sender,
  stateKey: of,
  content: { membership: value },
})
export const joinRule = (sender: string, value: string) => ({ type: 'm.room.join_rules', sender, content: { join_rule: value } })
export const topic = (sender: string, text = 'x') => ({ type: 'm.room.topic', sender, content: { topic: text } })
export const levels = (sender: string, users: Readonly<Record<string, number>>) => ({
  type: 'm.room.power_levels',
  sender,
  content: { users },
})

/** Levels where version 12 knows no level of the creator. */
export const usersOf = (version: RoomVersion, users: Readonly<Record<string, number>>) =>
  version.auth.createEventIsRoomId ? users : { [ada]: 100, ...users }

/** ada creates a public room, bob (100), cai (50) and dee (0) join it. */
export function foundRoom(version: RoomVersion): { readonly room: ForkedRoom; readonly base: Side } {
  const room = createForkedRoom(version)
  let base = room.send(room.create, 'ada', membership(ada, 'join'))
  base = room.send(base, 'levels', levels(ada, usersOf(version, { [bob]: 100, [cai]: 50 })))
  base = room.send(base, 'public', joinRule(ada, 'public'))
  for (const [name, user] of Object.entries({ bob, cai, dee })) base = room.send(base, name, membership(user, 'join'))
  return { room, base }
}
