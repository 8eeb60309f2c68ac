import { memberOf } from '../rooms/members.ts'
import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'

export type ReceiptType = 'm.read' | 'm.read.private'

export interface Receipt {
  readonly roomNid: number
  readonly userId: string
  readonly type: ReceiptType
  /** The thread's root, `main`, or empty: unthreaded. */
  readonly threadId: string
  readonly eventId: string
  readonly eventPosition: Position
  /** Milliseconds since the epoch. */
  readonly sentAt: number
}

const columns = `room_nid AS roomNid, user_id AS userId, type, thread_id AS threadId, event_id AS eventId,
  event_position AS eventPosition, sent_at AS sentAt`

const put = statement<[number, string, string, string, string, Position, number, Position], never>(
  `INSERT INTO receipts (room_nid, user_id, type, thread_id, event_id, event_position, sent_at, position) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET event_id = excluded.event_id, event_position = excluded.event_position, sent_at = excluded.sent_at,
     position = excluded.position`,
)
const markOf = statement<[number, string, string, string], Position>(
  'SELECT event_position FROM receipts WHERE room_nid = ? AND user_id = ? AND type = ? AND thread_id = ?',
  'pluck',
)
const marksOf = statement<[number, string], { threadId: string; position: Position }>(
  `SELECT thread_id AS threadId, max(event_position) AS position FROM receipts
   WHERE room_nid = ? AND user_id = ? GROUP BY thread_id`,
)

/** Moves a receipt forward and wakes those who see it; false: it is there already or further on. */
export function putReceipt(tx: Writer, receipt: Receipt): boolean {
  const { roomNid, userId, type, threadId } = receipt
  const before = markOf(tx).get(roomNid, userId, type, threadId)
  if (before !== undefined && before >= receipt.eventPosition) return false
  put(tx).run(roomNid, userId, type, threadId, receipt.eventId, receipt.eventPosition, receipt.sentAt, tx.nextPosition())
  tx.wake(type === 'm.read' ? `room/${roomNid}` : `user/${userId}`)
  return true
}

/** Up to where a user has read a room, and threads in it that are read further. */
export interface ReadPositions {
  /** Of the newest unthreaded receipt, else of the user's joining. */
  readonly room: Position
  /** By thread id: `main` or the root. Only those beyond `room`. */
  readonly threads: ReadonlyMap<string, Position>
}

/** Source: client-server API, "Receipts": the more recent of `m.read` and `m.read.private` counts, an unthreaded one for every thread. */
export function readPositionsOf(reader: Reader, userId: string, roomNid: number): ReadPositions {
  let room = memberOf(reader, roomNid, userId)?.joinedAt ?? 0
  const marks = marksOf(reader).all(roomNid, userId)
  for (const { threadId, position } of marks) if (threadId === '') room = Math.max(room, position)
  const threads = new Map<string, Position>()
  for (const { threadId, position } of marks) if (threadId !== '' && position > room) threads.set(threadId, position)
  return { room, threads }
}

/** Up to where a user has read a thread (`main`, or its root), or without `threadId` the whole room. */
export function readPosition(reader: Reader, userId: string, roomNid: number, threadId?: string): Position {
  const { room, threads } = readPositionsOf(reader, userId, roomNid)
  return (threadId === undefined ? undefined : threads.get(threadId)) ?? room
}

const visible = `(type = 'm.read' OR user_id = ?)`
const allOfRoom = statement<[number, string], Receipt>(`SELECT ${columns} FROM receipts WHERE room_nid = ? AND ${visible}`)
const newInRoom = statement<[number, Position, Position, string], Receipt>(
  `SELECT ${columns} FROM receipts WHERE room_nid = ? AND position > ? AND position <= ? AND ${visible}`,
)
const newAnywhere = statement<[Position, Position, string], Receipt>(
  `SELECT ${columns} FROM receipts WHERE position > ? AND position <= ? AND ${visible}`,
)

/** The receipts of a room that a user may see: everybody's public ones and their own. */
export function receiptsOf(reader: Reader, roomNid: number, viewer: string): readonly Receipt[] {
  return allOfRoom(reader).all(roomNid, viewer)
}

export function newReceiptsOf(reader: Reader, roomNid: number, viewer: string, from: Position, to: Position): readonly Receipt[] {
  return newInRoom(reader).all(roomNid, from, to, viewer)
}

/** The same for all rooms: for short spans. */
export function newReceipts(reader: Reader, viewer: string, from: Position, to: Position): readonly Receipt[] {
  return newAnywhere(reader).all(from, to, viewer)
}
