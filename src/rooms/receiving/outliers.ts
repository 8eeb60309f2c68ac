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

/** Those of some events that are named by `ids`, and what these stand on. */
export function citedFrom(pdus: readonly Pdu[], ids: readonly EventId[]): readonly Pdu[] {
  const create = pdus.flatMap(({ type, eventId }) => (type === 'm.room.create' ? [eventId] : []))
  return reachable(pdus, [...create, ...ids], (pdu) => pdu.authEvents)
}

/** Those of some events that are named by `ids`, and what came before these as far as nothing is missing in between. */
export function upTo(pdus: readonly Pdu[], ids: readonly EventId[]): readonly Pdu[] {
  return reachable(pdus, ids, (pdu) => pdu.prevEvents)
}

function reachable(pdus: readonly Pdu[], ids: readonly EventId[], before: (pdu: Pdu) => readonly EventId[]): readonly Pdu[] {
  const known = new Map(pdus.map((pdu) => [pdu.eventId, pdu]))
  // A set may grow while it is walked.
  const wanted = new Set(ids)
  for (const id of wanted) {
    const pdu = known.get(id)
    if (pdu) for (const other of before(pdu)) if (known.has(other)) wanted.add(other)
  }
  return pdus.filter(({ eventId }) => wanted.has(eventId))
}

/** Each event after those that it cites, as far as they are among them. Events in a circle, which hashes make impossible, are left out. */
export function byCitation(pdus: Iterable<Pdu>): readonly Pdu[] {
  const all = [...pdus]
  // In room version 12 everything stands on the create event, and nothing cites it.
  const isCreate = ({ type }: Pdu) => type === 'm.room.create'
  return inOrder([...all.filter(isCreate), ...all.filter((pdu) => !isCreate(pdu))], (pdu) => pdu.authEvents)
}

/** Each event after those that it points at. */
export function byGraph(pdus: Iterable<Pdu>): readonly Pdu[] {
  return inOrder(pdus, (pdu) => pdu.prevEvents)
}

function inOrder(pdus: Iterable<Pdu>, before: (pdu: Pdu) => readonly EventId[]): readonly Pdu[] {
  const known = new Map([...pdus].map((pdu) => [pdu.eventId, pdu]))
  const ordered = new Set<Pdu>()
  const entered = new Set<Pdu>()
  // A list of what is left to do, since a chain may be as long as a room is old.
  for (const start of known.values()) {
    for (const left = [start]; left.length > 0; ) {
      const pdu = left.at(-1)!
      const waitsFor = entered.has(pdu)
        ? []
        : before(pdu).flatMap((id) => {
            const other = known.get(id)
            return other && !ordered.has(other) && !entered.has(other) ? [other] : []
          })
      entered.add(pdu)
      if (waitsFor.length > 0) left.push(...waitsFor)
      else {
        left.pop()
        ordered.add(pdu)
      }
    }
  }
  return [...ordered]
}
