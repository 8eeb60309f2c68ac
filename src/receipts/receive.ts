import type { EduReceiver } from '../federation/transactions.ts'
import { maxIdentifierBytes, parseEventId, parseUserId, type ServerName, serverOf } from '../matrix/identifiers.ts'
import { isArray, isObject, type JsonObject, type JsonValue } from '../matrix/json.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { findRoom, isJoined } from '../rooms/members.ts'
import type { Position, Reader, Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { putReceipt } from './store.ts'

export interface ReceiveReceiptsDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Log
  positionOf(reader: Reader, eventId: string): { readonly position: Position; readonly roomNid: number } | undefined
  /** The room's server ACL. */
  allowedInRoom(reader: Reader, roomId: string, server: ServerName): boolean
}

interface Read {
  readonly roomId: string
  readonly userId: string
  readonly eventId: string
  readonly threadId: string
  readonly sentAt: number
}

/** In one EDU: a server tells of what its users read since the last one. */
const maxReceipts = 1000

/** Takes `m.receipt` about members of rooms. Source: server-server API, "Receipts". */
export function receiveReceipts({ storage, clock, log, positionOf, allowedInRoom }: ReceiveReceiptsDeps): EduReceiver {
  return (origin, content) => {
    const read = readReceipts(origin, content)
    if (read.length > maxReceipts) {
      log.debug({ origin, count: read.length }, 'too many receipts at once')
      return undefined
    }
    if (read.length === 0) return undefined
    return storage.write((tx) => {
      for (const receipt of read) take(tx, origin, receipt)
    })
  }

  function take(tx: Writer, origin: ServerName, { roomId, userId, eventId, threadId, sentAt }: Read): void {
    const room = findRoom(tx, roomId)
    if (!room || !isJoined(tx, room.nid, userId) || !allowedInRoom(tx, roomId, origin)) return
    const place = positionOf(tx, eventId)
    if (place && place.roomNid !== room.nid) return
    // The receipt may come before its event, which then comes later than everything that is there now.
    const eventPosition = place?.position ?? tx.position
    const at = Math.min(sentAt, clock.now())
    putReceipt(tx, { roomNid: room.nid, userId, type: 'm.read', threadId, eventId, eventPosition, sentAt: at })
  }
}

/** Those that are well-formed and of the server's own users. */
function readReceipts(origin: ServerName, content: JsonObject): readonly Read[] {
  return Object.entries(content).flatMap(([roomId, types]) => {
    const users = isObject(types) ? types['m.read'] : undefined
    if (!isObject(users)) return []
    return Object.entries(users).flatMap(([user, receipt]) => readReceipt(origin, roomId, user, receipt) ?? [])
  })
}

function readReceipt(origin: ServerName, roomId: string, user: string, receipt: JsonValue | undefined): Read | undefined {
  const userId = parseUserId(user)
  if (!userId || serverOf(userId) !== origin || !isObject(receipt) || !isObject(receipt.data)) return undefined
  const eventId = isArray(receipt.event_ids) ? parseEventId(receipt.event_ids[0]) : undefined
  const { ts: sentAt, thread_id: threadId = '' } = receipt.data
  if (!eventId || !isTime(sentAt) || typeof threadId !== 'string' || threadId.length > maxIdentifierBytes) return undefined
  return { roomId, userId, eventId, threadId, sentAt }
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
