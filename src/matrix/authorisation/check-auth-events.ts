import { selectAuthEvents } from '../auth-events.ts'
import type { EventId } from '../identifiers.ts'
import { createEventIdOf } from '../identifiers.ts'
import type { Pdu } from '../pdu.ts'
import type { RoomVersion } from '../room-versions.ts'
import type { Verdict } from '../verdict.ts'
import { allowed, rejected } from '../verdict.ts'
import { createRule } from './create.ts'
import { ruleNumbers } from './numbering.ts'

/** An event that this server has, and whether it rejected it; undefined: unknown. */
export type EventLookup = (eventId: EventId) => { readonly pdu: Pdu; readonly rejected: boolean } | undefined

/**
 * The rules on create events and on `auth_events`: 1 and 2, in room version 12 1 to 3. An auth event that `lookup` does not
 * know counts as rejected, so fetch what is missing before.
 */
export function checkAuthEvents(version: RoomVersion, event: Pdu, lookup: EventLookup): Verdict {
  if (event.type === 'm.room.create') return createRule(version, event)
  return roomIdRule(version, event, lookup) ?? authEventsRule(version, event, lookup) ?? allowed
}

/** Room version 12, rule 2. */
function roomIdRule(version: RoomVersion, event: Pdu, lookup: EventLookup): Verdict | undefined {
  if (!version.auth.createEventIsRoomId) return undefined
  const createId = createEventIdOf(event.roomId)
  const create = createId && lookup(createId)
  if (create && !create.rejected && create.pdu.type === 'm.room.create') return undefined
  return rejected(ruleNumbers(version).roomId, 'room_id: does not name an accepted create event')
}

/** Rule 2, in room version 12 rule 3. */
function authEventsRule(version: RoomVersion, event: Pdu, lookup: EventLookup): Verdict | undefined {
  const rule = ruleNumbers(version).authEvents
  const entries = event.authEvents.map((id) => lookup(id))
  const pdus = entries.flatMap((entry) => (entry ? [entry.pdu] : []))
  const keys = pdus.map(({ type, stateKey }) => keyOf(type, stateKey))
  const selected = new Set(selectAuthEvents(version, event).map(([type, stateKey]) => keyOf(type, stateKey)))
  if (new Set(keys).size < keys.length) return rejected(`${rule}.1`, 'auth_events: two events for the same state')
  if (!keys.every((key) => selected.has(key))) return rejected(`${rule}.2`, 'auth_events: an event that does not belong there')
  if (entries.some((entry) => !entry || entry.rejected)) return rejected(`${rule}.3`, 'auth_events: an event that was rejected')
  const needsCreate = !version.auth.createEventIsRoomId
  if (needsCreate && !keys.includes(keyOf('m.room.create', ''))) return rejected(`${rule}.4`, 'auth_events: no create event')
  if (pdus.every(({ roomId }) => roomId === event.roomId)) return undefined
  return rejected(needsCreate ? `${rule}.5` : `${rule}.4`, 'auth_events: an event of another room')
}

function keyOf(type: string, stateKey: string | undefined): string {
  return JSON.stringify([type, stateKey])
}
