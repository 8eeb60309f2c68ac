import type { EventLookup } from '../authorisation/check-auth-events.ts'
import type { EventId } from '../identifiers.ts'
import { createEventIdOf } from '../identifiers.ts'
import type { Pdu } from '../pdu.ts'
import type { RoomVersion } from '../room-versions.ts'

/** A state event, which is all that resolution deals with. */
export interface StateEvent extends Pdu {
  readonly stateKey: string
}

/** The events of a room as one resolution asks for them. What is unknown, or no state event, is as if nobody had cited it. */
export interface KnownEvents {
  get(eventId: EventId): StateEvent | undefined
  /** `get` for walks through a large part of the room: the event is not kept. */
  glance(eventId: EventId): StateEvent | undefined
  isRejected(eventId: EventId): boolean
  authEventsOf(event: Pdu): readonly StateEvent[]
  /** The power levels event among the auth events. */
  powerLevelsOf(event: Pdu): StateEvent | undefined
  /** The create event: among the auth events, in room version 12 the one that the room id names. */
  createEventOf(event: Pdu): StateEvent | undefined
}

/** Looked up by one resolution, auth chains included; a room with 10,000 members has some ten thousand. */
const maxEvents = 500_000

/**
 * Remembers what `lookup` answered, so that each event is read once. Throws where a resolution would take more than `limit` events,
 * which ends the request: a partial answer would split the room.
 */
export function rememberEvents(version: RoomVersion, lookup: EventLookup, limit = maxEvents): KnownEvents {
  type Known = { readonly pdu: StateEvent; readonly rejected: boolean }
  const known = new Map<EventId, Known | undefined>()
  let asked = 0
  const ask = (id: EventId): Known | undefined => {
    asked += 1
    if (asked > limit) throw new Error(`state resolution needs more than ${limit} events`)
    const found = lookup(id)
    return found && isStateEvent(found.pdu) ? { pdu: found.pdu, rejected: found.rejected } : undefined
  }
  const find = (id: EventId) => {
    if (known.has(id)) return known.get(id)
    const found = ask(id)
    known.set(id, found)
    return found
  }
  const cited = (event: Pdu, type: string) => {
    for (const id of event.authEvents) {
      const found = find(id)?.pdu
      if (found?.type === type && found.stateKey === '') return found
    }
    return undefined
  }
  return {
    get: (id) => find(id)?.pdu,
    glance: (id) => (known.has(id) ? known.get(id) : ask(id))?.pdu,
    isRejected: (id) => find(id)?.rejected === true,
    authEventsOf: (event) => [...new Set(event.authEvents)].flatMap((id) => find(id)?.pdu ?? []),
    powerLevelsOf: (event) => cited(event, 'm.room.power_levels'),
    createEventOf: (event) => {
      if (!version.auth.createEventIsRoomId) return cited(event, 'm.room.create')
      const id = createEventIdOf(event.roomId)
      const create = id && find(id)?.pdu
      return create?.type === 'm.room.create' ? create : undefined
    },
  }
}

/** A state that names what its server does not have is a fault of this program: resolving without it would lose state in silence. */
export function eventOfState(events: KnownEvents, id: EventId): StateEvent {
  const event = events.get(id)
  if (!event) throw new Error(`${id} is in a state, but not known as a state event`)
  return event
}

function isStateEvent(pdu: Pdu): pdu is StateEvent {
  return pdu.stateKey !== undefined
}
