import type { JsonObject } from '../matrix/json.ts'
import { type Position, type Reader, statement } from '../storage/handles.ts'
import { contentText, type EventRow, EventStatus, eventColumns, orderOf } from './event-store.ts'

export { placeOf } from './event-store.ts'

const shown = `e.status = ${EventStatus.accepted}`
const backward = statement<[number, number, number, number], EventRow>(
  `SELECT ${eventColumns} FROM events e WHERE e.room_nid = ? AND e.timeline_order <= ? AND e.timeline_order > ? AND ${shown} ORDER BY e.timeline_order DESC LIMIT ?`,
)
const forward = statement<[number, number, number, number], EventRow>(
  `SELECT ${eventColumns} FROM events e WHERE e.room_nid = ? AND e.timeline_order > ? AND e.timeline_order <= ? AND ${shown} ORDER BY e.timeline_order LIMIT ?`,
)

/** Events of a room's timeline at or before `from` and after `to`, newest first. */
export function eventsBefore(reader: Reader, nid: number, from: number, to: number, limit: number): readonly EventRow[] {
  return backward(reader).all(nid, from, to, limit)
}

/** Events of a room's timeline after `from` and up to `to`, oldest first. */
export function eventsAfter(reader: Reader, nid: number, from: number, to: number, limit: number): readonly EventRow[] {
  return forward(reader).all(nid, from, to, limit)
}

const relation = statement<[string], { target: string; relationType: string }>(
  `SELECT r.target, r.relation_type AS relationType FROM event_relations r JOIN events e ON e.position = r.position WHERE e.event_id = ?`,
)

/** What an event relates to. */
export function relationOf(
  reader: Reader,
  eventId: string,
): { readonly target: string; readonly relationType: string } | undefined {
  return relation(reader).get(eventId)
}

/** Events as push rules look at them, oldest first; the content is parsed only where a rule asks. */
export function pushView(reader: Reader, nid: number, from: Position, to: Position, limit: number) {
  return eventsAfter(reader, nid, from, to, limit).map((row) => ({
    position: orderOf(row),
    type: row.type,
    sender: row.sender,
    stateKey: row.stateKey,
    threadRoot: threadRootOf(row),
    get content() {
      return JSON.parse(contentText(row)) as JsonObject
    },
  }))
}

function threadRootOf(row: EventRow): string | undefined {
  const text = contentText(row)
  if (!text.includes('"m.thread"')) return undefined
  const relates = (JSON.parse(text) as { 'm.relates_to'?: { rel_type?: unknown; event_id?: unknown } })['m.relates_to']
  return relates?.rel_type === 'm.thread' && typeof relates.event_id === 'string' ? relates.event_id : undefined
}

/** The text of a sync or pagination token: a place between a position and the next. */
export function tokenOf(position: Position): string {
  return `s${position}`
}

/** Undefined: not a token of this server. */
export function parseToken(token: string): Position | undefined {
  const match = /^s(-?\d{1,16})$/.exec(token)
  return match ? Number(match[1]) : undefined
}
