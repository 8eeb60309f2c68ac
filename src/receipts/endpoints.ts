import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { forbidden, invalidParam, notFound } from '../http/errors.ts'
import type { Clock } from '../platform/clock.ts'
import { findRoom, isJoined } from '../rooms/members.ts'
import type { Position, Reader, Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import type { TellReceipt } from './remote-receipts.ts'
import { putReceipt, type ReceiptType } from './store.ts'

export interface ReceiptDeps {
  readonly storage: Storage
  readonly clock: Clock
  positionOf(reader: Reader, eventId: string): { readonly position: Position; readonly roomNid: number } | undefined
  /** The event that an event relates to, by `m.relates_to`. */
  relationOf(reader: Reader, eventId: string): { readonly target: string; readonly relationType: string } | undefined
  /** The room account data `m.fully_read`. */
  readonly fullyRead: {
    get(reader: Reader, userId: string, roomNid: number): string | undefined
    set(tx: Writer, userId: string, roomNid: number, eventId: string): void
  }
  /** The user did something. */
  active(userId: string): void
  /** Undefined: this server does not speak with others. */
  readonly tellOthers?: TellReceipt | undefined
}

type Marker = ReceiptType | 'm.fully_read'

interface Mark {
  readonly type: Marker
  readonly eventId: string
  readonly threadId: string
}

const rateLimit = { name: 'receipts', by: 'user', burst: 60, perSecond: 10 } as const

/** Receipts and read markers; source: client-server API, "Receipts" and "Read and unread markers". */
export function receiptEndpoints(deps: ReceiptDeps): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}',
      auth: 'session',
      body: Type.Object({ thread_id: Type.Optional(Type.Unknown()) }),
      rateLimit,
      handle({ auth, path, body }) {
        const type = markerOf(path.receiptType)
        const threadId = threadIdOf(type, body.thread_id)
        return mark(deps, auth.userId, path.roomId, [{ type, eventId: path.eventId, threadId }])
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/{roomId}/read_markers',
      auth: 'session',
      body: Type.Object({
        'm.fully_read': Type.Optional(Type.String()),
        'm.read': Type.Optional(Type.String()),
        'm.read.private': Type.Optional(Type.String()),
      }),
      rateLimit,
      handle({ auth, path, body }) {
        const marks: Mark[] = []
        for (const type of ['m.fully_read', 'm.read', 'm.read.private'] as const) {
          const eventId = body[type]
          if (eventId !== undefined) marks.push({ type, eventId, threadId: '' })
        }
        return mark(deps, auth.userId, path.roomId, marks)
      },
    }),
  ]
}

function markerOf(text: string): Marker {
  if (text === 'm.read' || text === 'm.read.private' || text === 'm.fully_read') return text
  throw invalidParam('receiptType: must be m.read, m.read.private or m.fully_read')
}

function threadIdOf(type: Marker, threadId: unknown): string {
  if (threadId === undefined) return ''
  if (typeof threadId !== 'string' || threadId === '') throw invalidParam('thread_id: must be a text that is not empty')
  if (type === 'm.fully_read') throw invalidParam('thread_id: m.fully_read has no threads')
  return threadId
}

async function mark(deps: ReceiptDeps, userId: string, roomId: string, marks: readonly Mark[]): Promise<Record<string, never>> {
  const { storage } = deps
  const room = findRoom(storage.reader, roomId)
  if (!room || !isJoined(storage.reader, room.nid, userId)) throw forbidden('You are not in this room')
  const { nid } = room
  const placed = marks.map((made) => ({ ...made, position: placeOf(deps, nid, made) }))
  if (placed.length > 0) {
    await storage.write((tx) => {
      for (const made of placed) write(deps, tx, userId, nid, made)
    })
  }
  deps.active(userId)
  return {}
}

/** The position of the event that is marked as read. */
function placeOf(deps: ReceiptDeps, nid: number, { type, eventId, threadId }: Mark): Position {
  const { reader } = deps.storage
  const place = deps.positionOf(reader, eventId)
  if (place?.roomNid !== nid) throw notFound(`${type}: there is no event ${eventId} in this room`)
  if (threadId !== '' && threadId !== 'main' && !belongsTo(deps, eventId, threadId))
    throw invalidParam(`thread_id: the event is not related to the thread ${threadId}`)
  return place.position
}

/** Source: client-server API, "Threaded read receipts": relations are followed for three steps. */
function belongsTo(deps: ReceiptDeps, eventId: string, root: string): boolean {
  let id: string | undefined = eventId
  for (let hops = 0; hops <= 3 && id !== undefined; hops += 1) {
    if (id === root) return true
    id = deps.relationOf(deps.storage.reader, id)?.target
  }
  return false
}

function write(
  deps: ReceiptDeps,
  tx: Writer,
  userId: string,
  roomNid: number,
  made: Mark & { readonly position: Position },
): void {
  const { type, eventId, threadId, position } = made
  if (type !== 'm.fully_read') {
    const receipt = { roomNid, userId, type, threadId, eventId, eventPosition: position, sentAt: deps.clock.now() }
    if (putReceipt(tx, receipt)) deps.tellOthers?.(tx, receipt)
    return
  }
  const before = deps.fullyRead.get(tx, userId, roomNid)
  const reached = before === undefined ? undefined : deps.positionOf(tx, before)?.position
  if (reached === undefined || position > reached) deps.fullyRead.set(tx, userId, roomNid, eventId)
}
