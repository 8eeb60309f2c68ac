import { statement, type Writer } from '../storage/handles.ts'
import type { Draft } from './build.ts'

/** Who sent an event, and under which transaction id, as it stands in `EventRow.origin`: a line each. */
export function originOf(deviceId: string, transactionId: string): string {
  return `${deviceId}\n${transactionId}`
}

/** The transaction id, if this device sent the event. */
export function transactionIdFor(origin: string, deviceId: string): string | undefined {
  return origin.startsWith(`${deviceId}\n`) ? origin.slice(deviceId.length + 1) : undefined
}

const sent = statement<[string, string, number, string], { eventId: string; json: string }>(
  'SELECT event_id AS eventId, json FROM events WHERE origin = ? AND sender = ? AND room_nid = ? AND type = ?',
)

/** The event that an earlier request of the same device with the same transaction id and path made; source: client-server API, "Transaction identifiers". */
export function sentBefore(tx: Writer, nid: number, origin: string, draft: Draft): string | undefined {
  for (const row of sent(tx).iterate(origin, draft.sender, nid, draft.type)) {
    if (draft.redacts === undefined || row.json.includes(JSON.stringify(draft.redacts))) return row.eventId
  }
  return undefined
}

const forget = statement<[string, string, string], never>(
  'UPDATE events SET origin = NULL WHERE origin >= ? AND origin < ? AND sender = ?',
)

/** A device of the same name that comes later begins its transaction ids anew. */
export function forgetTransactions(tx: Writer, userId: string, deviceId: string): void {
  forget(tx).run(`${deviceId}\n`, `${deviceId}\v`, userId)
}
