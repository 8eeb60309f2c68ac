import { statement, type Writer } from '../storage/handles.ts'
import type { EventViewer } from './client-event.ts'

const find = statement<[string, string, string, string], string>(
  'SELECT event_id FROM client_transactions WHERE user_id = ? AND device_id = ? AND scope = ? AND transaction_id = ?',
  'pluck',
)
const insert = statement<[string, string, string, string, string, number], never>(
  'INSERT INTO client_transactions (user_id, device_id, scope, transaction_id, event_id, created_at) VALUES (?, ?, ?, ?, ?, ?)',
)
const removeOld = statement<[number], never>('DELETE FROM client_transactions WHERE created_at < ?')
const removeOfDevice = statement<[string, string], never>('DELETE FROM client_transactions WHERE user_id = ? AND device_id = ?')

/** Longer than any client goes on trying: 30 days in milliseconds. */
const keptFor = 30 * 24 * 3600 * 1000

/** The event that an earlier request with the same transaction id made. */
export function earlierEvent(tx: Writer, client: EventViewer, scope: string, transactionId: string): string | undefined {
  return find(tx).get(client.userId, client.deviceId, scope, transactionId)
}

export function noteTransaction(
  tx: Writer,
  client: EventViewer,
  scope: string,
  transactionId: string,
  eventId: string,
  now: number,
): void {
  insert(tx).run(client.userId, client.deviceId, scope, transactionId, eventId, now)
}

/** Answers how many. */
export function forgetOldTransactions(tx: Writer, now: number): number {
  return removeOld(tx).run(now - keptFor).changes
}

export function forgetTransactions(tx: Writer, userId: string, deviceId: string): void {
  removeOfDevice(tx).run(userId, deviceId)
}
