import { serverOf, type UserId } from '../matrix/identifiers.ts'
import type { Pdu } from '../matrix/pdu.ts'
import { redact } from '../matrix/redaction.ts'
import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'
import { type EventRow, findEvent, pduAt, rewriteEvent, versionOf } from './event-store.ts'
import type { Room } from './members.ts'
import { powerLevelsOf } from './state.ts'

/** How a redaction that waits for its target is noted among the relations; events cannot have it. */
export const internalRelation = 'm.hausbote.redaction'

const waiting = statement<[string, number], { position: Position }>(
  `SELECT position FROM event_relations WHERE target = ? AND relation_type = '${internalRelation}' AND room_nid = ?`,
)
const wait = statement<[Position, number, string], never>(
  `INSERT INTO event_relations (position, room_nid, target, relation_type) VALUES (?, ?, ?, '${internalRelation}') ON CONFLICT DO NOTHING`,
)
const unrelate = statement<[Position], never>('DELETE FROM event_relations WHERE position = ?')

/** Carries out an accepted redaction, or notes it for when its target comes; source: room versions, "Handling redactions". */
export function applyRedaction(tx: Writer, room: Room, redaction: Pdu, position: Position): void {
  if (redaction.redacts === undefined) return
  const target = findEvent(tx, redaction.redacts)
  if (target) carryOut(tx, room, redaction, position, target)
  else wait(tx).run(position, room.nid, redaction.redacts)
}

/** A redaction may come before what it redacts. */
export function applyWaitingRedactions(tx: Writer, room: Room, pdu: Pdu): void {
  const first = waiting(tx).get(pdu.eventId, room.nid)
  const target = first && findEvent(tx, pdu.eventId)
  if (first && target) carryOut(tx, room, pduAt(tx, first.position, versionOf(room)), first.position, target)
}

function carryOut(tx: Writer, room: Room, redaction: Pdu, position: Position, target: EventRow): void {
  if (target.roomNid !== room.nid || target.redactedBy !== null || target.type === 'm.room.create') return
  if (!isFromSameServer(redaction.sender, target) && !mayRedact(tx, room, redaction.sender, target)) return
  const version = versionOf(room)
  const original = pduAt(tx, target.position, version)
  rewriteEvent(tx, target, redact(original.raw, version), version, position)
  // A redacted event relates to nothing any more.
  unrelate(tx).run(target.position)
}

/** Any user of the server that an event came from may redact it, as far as other servers are concerned; `mayRedact` says who may here. */
function isFromSameServer(sender: UserId, target: EventRow): boolean {
  return serverOf(sender) === serverOf(target.sender)
}

/** Client-server API, "Redactions": one's own events, and those of others with the room's level for it. */
export function mayRedact(reader: Reader, room: Room, sender: string, target: EventRow): boolean {
  if (target.sender === sender) return true
  const levels = powerLevelsOf(reader, room)
  return levels.ofUser(sender) >= levels.redact
}
