import type { Milliseconds } from '../platform/clock.ts'
import { statement, type Writer } from '../storage/handles.ts'

/** Clients repeat a request within minutes, or when they start again. */
const rememberedFor: Milliseconds = 24 * 60 * 60 * 1000
/** Old entries removed with each new one, so that no request pays for many. */
const sweepSize = 10

const insert = statement<[string, string, string, string, Milliseconds], never>(
  `INSERT INTO to_device_transactions (user_id, device_id, type, transaction_id, created_at) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT DO NOTHING`,
)
const sweep = statement<[Milliseconds, number], never>(
  `DELETE FROM to_device_transactions WHERE (user_id, device_id, type, transaction_id) IN (
     SELECT user_id, device_id, type, transaction_id FROM to_device_transactions WHERE created_at < ? ORDER BY created_at LIMIT ?)`,
)

/**
 * Notes that a request is being carried out. False: it was already; the answer is the same, nothing is sent again.
 * Source: client-server API, "Transaction identifiers".
 */
export function beginTransaction(
  tx: Writer,
  sender: { readonly userId: string; readonly deviceId: string },
  type: string,
  transactionId: string,
  now: Milliseconds,
): boolean {
  const { changes } = insert(tx).run(sender.userId, sender.deviceId, type, transactionId, now)
  if (changes === 0) return false
  sweep(tx).run(now - rememberedFor, sweepSize)
  return true
}
