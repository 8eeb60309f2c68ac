import { canonicalJson, parseJson } from '../matrix/canonical-json.ts'
import { toPdu } from '../matrix/format.ts'
import { canonicalProfile } from '../matrix/hashes.ts'
import type { EventId, UserId } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Pdu } from '../matrix/pdu.ts'
import { type RoomVersion, roomVersions } from '../matrix/room-versions.ts'
import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'
import type { Root } from './state-snapshots.ts'

/**
 * What became of an event; bits. An outlier is known for the sake of others (as an auth event, or as part of a state that was fetched),
 * but not the state before it, and so it has no place in the timeline.
 */
export const EventStatus = { accepted: 0, rejected: 1, softFailed: 2, outlier: 4 } as const

export interface EventRow {
  readonly position: Position
  readonly roomNid: number
  readonly eventId: EventId
  readonly timelineOrder: number | null
  readonly type: string
  readonly stateKey: string | null
  readonly sender: UserId
  readonly originServerTs: number
  readonly stateRoot: Root
  readonly status: number
  readonly replaces: Position | null
  readonly redactedBy: Position | null
  /** Device and transaction id of the client that sent it, a line each. */
  readonly origin: string | null
  /** The PDU in canonical JSON; its content is `contentLength` UTF-16 units from `contentStart`. */
  readonly json: string
  readonly contentStart: number
  readonly contentLength: number
}

export const eventColumns = `e.position, e.room_nid AS roomNid, e.event_id AS eventId, e.timeline_order AS timelineOrder, e.type, e.state_key AS stateKey,
  e.sender, e.origin_server_ts AS originServerTs, e.state_root AS stateRoot, e.status, e.replaces, e.redacted_by AS redactedBy, e.origin, e.json,
  e.content_start AS contentStart, e.content_length AS contentLength`

const byPosition = statement<[number], EventRow>(`SELECT ${eventColumns} FROM events e WHERE e.position = ?`)
const byId = statement<[string], EventRow>(`SELECT ${eventColumns} FROM events e WHERE e.event_id = ?`)
const placeById = statement<[string], { position: Position; roomNid: number }>(
  'SELECT coalesce(timeline_order, position) AS position, room_nid AS roomNid FROM events WHERE event_id = ?',
)
const idAt = statement<[number], EventId>('SELECT event_id FROM events WHERE position = ?', 'pluck')

/** Events that failed a check are kept for the graph's sake alone. */
export function wasRefused({ status }: Pick<EventRow, 'status'>): boolean {
  return (status & (EventStatus.rejected | EventStatus.softFailed)) !== 0
}

/** Its place in the timeline; of events that have none the position. */
export function orderOf(row: Pick<EventRow, 'position' | 'timelineOrder'>): number {
  return row.timelineOrder ?? row.position
}

export function eventAt(reader: Reader, position: Position): EventRow {
  const row = byPosition(reader).get(position)
  if (!row) throw new Error(`no event at ${position}`)
  return row
}

export function findEvent(reader: Reader, eventId: string): EventRow | undefined {
  return byId(reader).get(eventId)
}

const positionById = statement<[string], Position>('SELECT position FROM events WHERE event_id = ?', 'pluck')

export function positionOf(reader: Reader, eventId: string): Position | undefined {
  return positionById(reader).get(eventId)
}

/** Where an event stands in the timeline of its room. */
export function placeOf(reader: Reader, eventId: string): { readonly position: Position; readonly roomNid: number } | undefined {
  return placeById(reader).get(eventId)
}

export function eventIdAt(reader: Reader, position: Position): EventId {
  const id = idAt(reader).get(position)
  if (!id) throw new Error(`no event at ${position}`)
  return id
}

const jsonAt = statement<[Position], string>('SELECT json FROM events WHERE position = ?', 'pluck')

/** An event as servers exchange it: the PDU in canonical JSON. */
export function pduText(reader: Reader, position: Position): string | undefined {
  return jsonAt(reader).get(position)
}

export function contentText(row: EventRow): string {
  return row.json.substring(row.contentStart, row.contentStart + row.contentLength)
}

export function contentOf(row: EventRow): JsonObject {
  return JSON.parse(contentText(row)) as JsonObject
}

const insertRow = statement<(number | string | null)[], never>(
  `INSERT INTO events (position, room_nid, event_id, timeline_order, type, state_key, sender, depth, origin_server_ts, state_root, status, replaces, origin, json, content_start, content_length)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
)

export interface NewEvent {
  readonly position: Position
  readonly roomNid: number
  readonly timelineOrder: number | null
  readonly stateRoot: Root
  readonly status: number
  readonly replaces: Position | undefined
  readonly origin: string | undefined
  readonly pdu: Pdu
  readonly version: RoomVersion
}

export function insertEvent(
  tx: Writer,
  { position, roomNid, timelineOrder, stateRoot, status, replaces, origin, pdu, version }: NewEvent,
): void {
  const { json, start, length } = serialised(pdu.raw, version)
  insertRow(tx).run(
    position,
    roomNid,
    pdu.eventId,
    timelineOrder,
    pdu.type,
    pdu.stateKey ?? null,
    pdu.sender,
    pdu.depth,
    pdu.originServerTs,
    stateRoot,
    status,
    replaces ?? null,
    origin ?? null,
    json,
    start,
    length,
  )
}

const place = statement<[number | null, Root, number, number | null, Position], never>(
  'UPDATE events SET timeline_order = ?, state_root = ?, status = ?, replaces = ? WHERE position = ?',
)

/** Gives an outlier the state before it, and with it its place. */
export function placeOutlier(
  tx: Writer,
  position: Position,
  { timelineOrder, stateRoot, status, replaces }: Pick<NewEvent, 'timelineOrder' | 'stateRoot' | 'status' | 'replaces'>,
): void {
  place(tx).run(timelineOrder, stateRoot, status, replaces ?? null, position)
}

/** The event without `unsigned`, which every server writes for itself. */
function serialised(raw: JsonObject, version: RoomVersion): { json: string; start: number; length: number } {
  const { unsigned: _unsigned, ...kept } = raw
  const profile = canonicalProfile(version)
  const json = canonicalJson(kept, profile)
  const content = canonicalJson(raw.content ?? {}, profile)
  return { json, start: json.indexOf(`"content":${content}`) + '"content":'.length, length: content.length }
}

const rewrite = statement<[string, number, number, Position | null, number], never>(
  'UPDATE events SET json = ?, content_start = ?, content_length = ?, redacted_by = ? WHERE position = ?',
)

/** Replaces an event by another form of it; `redaction`: what redacted it. */
export function rewriteEvent(tx: Writer, row: EventRow, raw: JsonObject, version: RoomVersion, redaction: Position | null): void {
  const { json, start, length } = serialised(raw, version)
  rewrite(tx).run(json, start, length, redaction, row.position)
  pdusOf(tx).delete(row.position)
  tx.whenUndone(() => pdusOf(tx).delete(row.position))
  tx.whenVisible(() => pdusOf(tx.snapshot).delete(row.position))
}

/** PDUs kept in memory: the state that authorisation looks at again and again. By connection: the writer sees what readers do not see yet. */
const pdus = new WeakMap<object, Map<Position, Pdu>>()
const maxPdus = 2000

function pdusOf(reader: Reader): Map<Position, Pdu> {
  let known = pdus.get(reader.raw)
  if (!known) {
    known = new Map()
    pdus.set(reader.raw, known)
  }
  return known
}

function keepPdu(known: Map<Position, Pdu>, position: Position, pdu: Pdu): void {
  known.delete(position)
  known.set(position, pdu)
  const oldest = known.size > maxPdus ? known.keys().next().value : undefined
  if (oldest !== undefined) known.delete(oldest)
}

export function pduAt(reader: Reader, position: Position, version: RoomVersion): Pdu {
  const known = pdusOf(reader)
  let pdu = known.get(position)
  if (!pdu) {
    const row = eventAt(reader, position)
    pdu = pduOf(row, version)
    if (row.stateKey !== null) keepPdu(known, position, pdu)
  }
  return pdu
}

function pduOf(row: EventRow, version: RoomVersion): Pdu {
  const parsed = parseJson(row.json, canonicalProfile(version))
  if ('problem' in parsed) throw new Error(`event ${row.eventId}: ${parsed.problem}`)
  return toPdu(parsed.value as JsonObject, version, row.eventId)
}

export function versionOf(room: { readonly version: string }): RoomVersion {
  const version = roomVersions.get(room.version)
  if (!version) throw new Error(`room version ${room.version} is not known`)
  return version
}
