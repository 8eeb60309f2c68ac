import { serverOf } from '../matrix/identifiers.ts'
import type { Pdu } from '../matrix/pdu.ts'
import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'
import { EventStatus, findEvent, pduAt, positionOf, versionOf } from './event-store.ts'
import type { Room } from './members.ts'

const positions = statement<[number], Position>('SELECT position FROM room_heads WHERE room_nid = ?', 'pluck')
const add = statement<[number, Position], never>(
  'INSERT INTO room_heads (room_nid, position) VALUES (?, ?) ON CONFLICT DO NOTHING',
)
const drop = statement<[number, Position], never>('DELETE FROM room_heads WHERE room_nid = ? AND position = ?')
const dropAll = statement<[number], never>('DELETE FROM room_heads WHERE room_nid = ?')
const isMissing = statement<[number, string], 0 | 1>(
  'SELECT is_present FROM missing_events WHERE room_nid = ? AND event_id = ?',
  'pluck',
)
const found = statement<[number, string], never>('DELETE FROM missing_events WHERE room_nid = ? AND event_id = ?')
const miss = statement<[number, string, Position, 0 | 1], never>(
  'INSERT INTO missing_events (room_nid, event_id, child, is_present) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
)
const missing = statement<[number, Position, Position, number], { eventId: string; child: Position }>(
  `SELECT m.event_id AS eventId, m.child FROM missing_events m JOIN events e ON e.position = m.child
   WHERE m.room_nid = ? AND e.timeline_order > ? AND e.timeline_order <= ? ORDER BY e.timeline_order DESC LIMIT ?`,
)

/** The newest events of the room's graph ("forward extremities"): what the next event points at. */
export function headsOf(reader: Reader, nid: number): readonly Position[] {
  return positions(reader).all(nid)
}

/**
 * Where the graph ends because this server has no more of it ("backward extremities"), with the event that points there, if that stands
 * after `from` and up to `to` in the timeline; latest first.
 */
export function missingBetween(reader: Reader, nid: number, from: Position, to: Position, limit: number) {
  return missing(reader).all(nid, from, to, limit)
}

const gaps = statement<[number], Position>('SELECT DISTINCT child FROM missing_events WHERE room_nid = ?', 'pluck')

/** The events of a room right before which something is missing. */
export function gapsOf(reader: Reader, nid: number): ReadonlySet<Position> {
  return new Set(gaps(reader).all(nid))
}

/** Events that failed, walked through to what they stand on. */
const maxWalk = 100

/** Takes an accepted event into the graph: it replaces what it stands on, unless something else already stands on it. */
export function advanceHeads(tx: Writer, room: Room, pdu: Pdu, position: Position): void {
  const wasAwaited = noteFound(tx, room, pdu)
  const version = versionOf(room)
  const behind = new Set(pdu.prevEvents)
  for (const id of behind) {
    const row = findEvent(tx, id)
    if (!row || (row.status & EventStatus.outlier) !== 0) {
      miss(tx).run(room.nid, id, position, 1)
      continue
    }
    drop(tx).run(room.nid, row.position)
    // What was refused did not replace what it stood on, but whoever stands on it stands on that as well.
    if (row.status !== EventStatus.accepted && behind.size < maxWalk) {
      for (const before of pduAt(tx, row.position, version).prevEvents) behind.add(before)
    }
  }
  if (!wasAwaited) add(tx).run(room.nid, position)
}

/** Begins anew with one event, as after a join: what was before it is not known to have held since. */
export function restartHeads(tx: Writer, room: Room, pdu: Pdu, position: Position): void {
  dropAll(tx).run(room.nid)
  advanceHeads(tx, room, pdu, position)
}

/** Ends of the graph that one server may have made: whoever keeps to the rules stands on what is there, and has few. */
const maxEnds = 50
const endSenders = statement<[number], string>(
  'SELECT e.sender FROM room_heads h JOIN events e ON e.position = h.position WHERE h.room_nid = ?',
  'pluck',
)

/** Whether an event would be one more end of the graph by a server that has made too many: each costs whatever is done in the room later. */
export function isEndTooMany(reader: Reader, room: Room, pdu: Pdu): boolean {
  const heads = headsOf(reader, room.nid)
  if (heads.length < maxEnds) return false
  const standsOnEnd = pdu.prevEvents.some((id) => heads.includes(positionOf(reader, id) ?? -1))
  const server = serverOf(pdu.sender)
  const ends = endSenders(reader).all(room.nid)
  return !standsOnEnd && ends.filter((sender) => sender.endsWith(`:${server}`)).length >= maxEnds
}

/**
 * The event is no longer missing; whether something of the present stands on it. A past that a server tells cannot make an event of the
 * present one of the past, which would keep it out of the state.
 */
export function noteFound(tx: Writer, room: Room, pdu: Pdu): boolean {
  const missing = isMissing(tx).get(room.nid, pdu.eventId)
  if (missing === undefined) return false
  found(tx).run(room.nid, pdu.eventId)
  return missing === 1
}

/** An event out of the past stands on others that may be missing. */
export function noteMissing(tx: Writer, room: Room, pdu: Pdu, position: Position): void {
  for (const id of pdu.prevEvents) {
    const row = findEvent(tx, id)
    if (!row || (row.status & EventStatus.outlier) !== 0) miss(tx).run(room.nid, id, position, 0)
  }
}
