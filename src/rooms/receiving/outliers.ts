import { createEventIdOf, type EventId } from '../../matrix/identifiers.ts'
import { judgeByAuthEvents } from '../../matrix/judge.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { RoomVersion } from '../../matrix/room-versions.ts'
import type { Writer } from '../../storage/handles.ts'
import { EventStatus, findEvent, insertEvent, positionOf, versionOf } from '../event-store.ts'
import type { Room } from '../members.ts'
import { eventLookup } from '../resolve.ts'
import { makeWhole } from '../same-event.ts'
import { emptyState } from '../state-snapshots.ts'

/**
 * Stores events for which no state is known: auth events, and the entries of a state that was fetched. They are judged by what they cite
 * (check 4 on receipt); what fails is kept as rejected, so that nothing can be built on it. What cites something that is not there cannot
 * be judged and is left out: otherwise a server could have good events rejected for good by sending them without what they stand on.
 * `pdus` must come in the order of `byCitation`.
 */
export function storeOutliers(tx: Writer, room: Room, pdus: readonly Pdu[]): void {
  const version = versionOf(room)
  const authEvents = eventLookup(tx, room)
  for (const pdu of pdus) {
    const known = findEvent(tx, pdu.eventId)
    if (known) {
      makeWhole(tx, room, known, pdu)
      continue
    }
    if (!standsOn(pdu, version).every((id) => positionOf(tx, id) !== undefined)) continue
    const holds = judgeByAuthEvents(version, pdu, authEvents).ok
    insertEvent(tx, {
      position: tx.nextPosition(),
      roomNid: room.nid,
      timelineOrder: null,
      stateRoot: emptyState,
      status: holds ? EventStatus.outlier : EventStatus.outlier | EventStatus.rejected,
      replaces: undefined,
      origin: undefined,
      pdu,
      version,
    })
  }
}

/** In room version 12 everything stands on the create event, and nothing cites it. */
function standsOn(pdu: Pdu, version: RoomVersion): readonly EventId[] {
  const create = version.auth.createEventIsRoomId && pdu.type !== 'm.room.create' ? createEventIdOf(pdu.roomId) : undefined
  return create ? [create, ...pdu.authEvents] : pdu.authEvents
}
