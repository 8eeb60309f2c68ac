import type { Edu } from '../federation/outbox.ts'
import { type ServerName, serverOf, type UserId } from '../matrix/identifiers.ts'
import { roomOf } from '../rooms/members.ts'
import { serversIn } from '../rooms/servers.ts'
import type { Writer } from '../storage/handles.ts'
import type { Receipt } from './store.ts'

/** Tells the other servers in a room of a receipt, within the write that moves it. */
export type TellReceipt = (tx: Writer, receipt: Receipt) => void

export interface ReceiptNewsDeps {
  readonly serverName: ServerName
  enqueueEdu(tx: Writer, destinations: readonly ServerName[], edu: Edu): void
}

/** Private receipts stay here. Source: server-server API, "Receipts". */
export function createReceiptNews({ serverName, enqueueEdu }: ReceiptNewsDeps): TellReceipt {
  return (tx, { roomNid, userId, type, threadId, eventId, sentAt }) => {
    if (type !== 'm.read' || serverOf(userId as UserId) !== serverName) return
    const others = serversIn(tx, roomNid).filter((server) => server !== serverName)
    if (others.length === 0) return
    const data = { ts: sentAt, ...(threadId !== '' && { thread_id: threadId }) }
    const content = { [roomOf(tx, roomNid).roomId]: { 'm.read': { [userId]: { event_ids: [eventId], data } } } }
    enqueueEdu(tx, others, { type: 'm.receipt', content, name: `receipt ${roomNid} ${userId} ${threadId}` })
  }
}
