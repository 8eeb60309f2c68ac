import { checkReceivedFormat, toPdu } from '../../matrix/format.ts'
import type { EventId } from '../../matrix/identifiers.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { RoomVersion } from '../../matrix/room-versions.ts'

/** Those of some events that are named by `ids`, and what these stand on. */
export function citedFrom(pdus: readonly Pdu[], ids: readonly EventId[]): readonly Pdu[] {
  const create = pdus.flatMap(({ type, eventId }) => (type === 'm.room.create' ? [eventId] : []))
  return reachable(pdus, [...create, ...ids], (pdu) => pdu.authEvents)
}

/**
 * Those of some events, not verified yet, that are named by `ids`, and what came before these as far as nothing is missing in between. An id
 * is a hash over all that its event points at, so nobody can make up a past for events of others.
 */
export function leadingTo(raws: readonly JsonObject[], version: RoomVersion, ids: readonly EventId[]): readonly JsonObject[] {
  const pdus = raws.filter((raw) => checkReceivedFormat(raw, version) === undefined).map((raw) => toPdu(raw, version))
  return reachable(pdus, ids, (pdu) => pdu.prevEvents).map(({ raw }) => raw)
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
