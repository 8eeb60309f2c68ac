import type { ServerName } from '../matrix/identifiers.ts'
import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

/** A server that had no answer tries again within this time. */
const remembered: Milliseconds = 24 * 3_600_000
/** Answers to one server. It sends one transaction at a time, and so asks for the last one again, if for any. */
const maxAnswers = 50
/** Outdated answers that one write removes. */
const batch = 20

const find = statement<[ServerName, string], string>(
  'SELECT answer FROM received_transactions WHERE origin = ? AND transaction_id = ?',
  'pluck',
)
const put = statement<[ServerName, string, Milliseconds, string], never>(
  `INSERT INTO received_transactions (origin, transaction_id, received_at, answer) VALUES (?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET received_at = excluded.received_at, answer = excluded.answer`,
)
const forgetEarlier = statement<[{ origin: ServerName; most: number }], never>(
  `DELETE FROM received_transactions WHERE origin = :origin AND transaction_id IN (SELECT transaction_id FROM received_transactions
   WHERE origin = :origin ORDER BY received_at DESC LIMIT -1 OFFSET :most)`,
)
const forgetOld = statement<[Milliseconds, number], never>(
  `DELETE FROM received_transactions WHERE (origin, transaction_id) IN
     (SELECT origin, transaction_id FROM received_transactions WHERE received_at < ? ORDER BY received_at LIMIT ?)`,
)

/** What was answered to a transaction, as JSON; undefined: it has not been carried out. */
export function answerBefore(reader: Reader, origin: ServerName, transactionId: string): string | undefined {
  return find(reader).get(origin, transactionId)
}

export function rememberAnswer(tx: Writer, origin: ServerName, transactionId: string, answer: string, now: Milliseconds): void {
  put(tx).run(origin, transactionId, now, answer)
  forgetEarlier(tx).run({ origin, most: maxAnswers })
  forgetOld(tx).run(now - remembered, batch)
}
