import type { ServerName } from '../matrix/identifiers.ts'
import type { Milliseconds } from '../platform/clock.ts'
import { statement, type Writer } from '../storage/handles.ts'

/** A server that had no answer repeats a message for as long as it is up to it. */
const rememberedFor: Milliseconds = 30 * 24 * 60 * 60 * 1000
/** Old entries removed with each new one, so that no message pays for many. */
const sweepSize = 3

const insert = statement<[ServerName, string, Milliseconds], never>(
  'INSERT INTO received_to_device (origin, message_id, received_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
)
const sweep = statement<[Milliseconds, number], never>(
  `DELETE FROM received_to_device WHERE (origin, message_id) IN (
     SELECT origin, message_id FROM received_to_device WHERE received_at < ? ORDER BY received_at LIMIT ?)`,
)

/** Notes that a message of another server is being delivered. False: it was already. */
export function beginReceiving(tx: Writer, origin: ServerName, messageId: string, now: Milliseconds): boolean {
  if (insert(tx).run(origin, messageId, now).changes === 0) return false
  sweep(tx).run(now - rememberedFor, sweepSize)
  return true
}
