import type { Position, Reader } from '../storage/handles.ts'
import { contentText, type EventRow, eventAt } from './event-store.ts'
import { transactionIdFor } from './transactions.ts'

/** For whom an event is written. */
export interface EventViewer {
  readonly userId: string
  readonly deviceId: string
}

export interface Rendering {
  /** Undefined: the answer says elsewhere which room it is. */
  readonly roomId: string | undefined
  readonly viewer: EventViewer
  /** Milliseconds since the epoch. */
  readonly now: number
  /** `unsigned.membership`: what the viewer was in the room at the event. */
  membershipAt(row: EventRow): string
}

/** An event in the format for clients, as JSON text spliced from what is stored; source: client-server API, "Room event format". */
export function clientEvent(reader: Reader, row: EventRow, rendering: Rendering): string {
  const room = rendering.roomId === undefined ? '' : `,"room_id":${JSON.stringify(rendering.roomId)}`
  const state = row.stateKey === null ? '' : `,"state_key":${JSON.stringify(row.stateKey)}`
  const [content, redacts] = row.type === 'm.room.redaction' ? redaction(row) : [contentText(row), '']
  return `{"content":${content},"event_id":"${row.eventId}","origin_server_ts":${row.originServerTs}${redacts}${room},"sender":${JSON.stringify(row.sender)}${state},"type":${JSON.stringify(row.type)},"unsigned":${unsigned(reader, row, rendering)}}`
}

/** The event as servers exchange it, with what the client format says beside it; source: client-server API, filter `event_format`. */
export function federationEvent(reader: Reader, row: EventRow, rendering: Rendering): string {
  // Room versions 1 and 2 have the id inside already; a name that comes twice would be read differently by different clients.
  const id = row.json.includes(`"event_id":"${row.eventId}"`) ? '' : `,"event_id":"${row.eventId}"`
  return `${row.json.slice(0, -1)}${id},"unsigned":${unsigned(reader, row, rendering)}}`
}

function unsigned(reader: Reader, row: EventRow, { viewer, now, membershipAt }: Rendering): string {
  let text = `{"age":${now - row.originServerTs},"membership":"${membershipAt(row)}"`
  if (row.replaces !== null) text += previous(reader, row.replaces)
  if (row.origin !== null && row.sender === viewer.userId) {
    const transactionId = transactionIdFor(row.origin, viewer.deviceId)
    if (transactionId !== undefined) text += `,"transaction_id":${JSON.stringify(transactionId)}`
  }
  if (row.redactedBy !== null) {
    const because = eventAt(reader, row.redactedBy)
    text += `,"redacted_because":${clientEvent(reader, because, { roomId: undefined, viewer, now, membershipAt })}`
  }
  return `${text}}`
}

function previous(reader: Reader, position: Position): string {
  const row = eventAt(reader, position)
  return `,"prev_content":${contentText(row)},"prev_sender":${JSON.stringify(row.sender)},"replaces_state":"${row.eventId}"`
}

/**
 * Content and top level: whatever the room version says, both name what is redacted, because old clients look at the one and new ones at the
 * other. Source: room version 11, "Moving the redacts property".
 */
function redaction(row: EventRow): [content: string, redacts: string] {
  const { redacts, content } = JSON.parse(row.json) as { redacts?: string; content: { redacts?: unknown } }
  const target = redacts ?? content.redacts
  if (typeof target !== 'string') return [contentText(row), '']
  return [
    content.redacts === target ? contentText(row) : JSON.stringify({ ...content, redacts: target }),
    `,"redacts":${JSON.stringify(target)}`,
  ]
}

/** The four fields that people outside of a room may see of its state; source: client-server API, "Stripped state". */
export function strippedEvent(row: EventRow): string {
  // Of the create event some clients want to see that it is whole; MSC4311.
  const time = row.type === 'm.room.create' ? `"origin_server_ts":${row.originServerTs},` : ''
  return `{"content":${contentText(row)},${time}"sender":${JSON.stringify(row.sender)},"state_key":${JSON.stringify(row.stateKey ?? '')},"type":${JSON.stringify(row.type)}}`
}
