import type { EventId } from '../../matrix/identifiers.ts'
import { judgeByAuthEvents } from '../../matrix/judge.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { Writer } from '../../storage/handles.ts'
import { EventStatus, findEvent, insertEvent, versionOf } from '../event-store.ts'
import type { Room } from '../members.ts'
import { eventLookup } from '../resolve.ts'
import { emptyState } from '../state-snapshots.ts'

/**
 * Stores events for which no state is known: auth events, and the entries of a state that was fetched. They are judged by what they cite
 * (check 4 on receipt); what fails is kept as rejected, so that nothing can be built on it. `pdus` must come in the order of `byCitation`.
 */
export function storeOutliers(tx: Writer, room: Room, pdus: readonly Pdu[]): void {
  const version = versionOf(room)
  const authEvents = eventLookup(tx, room)
  for (const pdu of pdus) {
    if (findEvent(tx, pdu.eventId)) continue
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
