import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { limitExceeded } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import { anyObject } from '../http/schemas.ts'
import type { EventId, ServerName } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { createQueues } from '../platform/queues.ts'
import { statement } from '../storage/handles.ts'
import { StorageProblem } from '../storage/problems.ts'
import type { Storage } from '../storage/storage.ts'

/** Takes what another server says of one kind. Bad input it drops by itself: nobody would hear of an error. */
export type EduReceiver = (origin: ServerName, content: JsonObject) => Promise<void> | void

export interface IntakeDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Log
  /** Takes events, and says what became of each. */
  pdus(origin: ServerName, pdus: readonly JsonObject[]): Promise<Readonly<Record<EventId, { readonly error?: string }>>>
  /** By type. */
  readonly edus: ReadonlyMap<string, EduReceiver>
}

const body = Type.Object({
  pdus: Type.Optional(Type.Array(anyObject, { maxItems: 50 })),
  edus: Type.Optional(Type.Array(Type.Object({ edu_type: Type.String(), content: anyObject }), { maxItems: 100 })),
})
/** Fifty events and a hundred EDUs of the largest size, in JSON that escapes much. */
const maxBody = 12 * 1024 * 1024
/** Transactions of one server that wait for the one before. */
const maxQueued = 10
/** A server that had no answer tries again within this time. */
const remembered: Milliseconds = 24 * 3_600_000

const known = statement<[ServerName, string], string>(
  'SELECT answer FROM received_transactions WHERE origin = ? AND transaction_id = ?',
  'pluck',
)
const keep = statement<[ServerName, string, number, string], never>(
  `INSERT INTO received_transactions (origin, transaction_id, received_at, answer) VALUES (?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET received_at = excluded.received_at, answer = excluded.answer`,
)
const forget = statement<[ServerName, number], never>('DELETE FROM received_transactions WHERE origin = ? AND received_at < ?')

/**
 * PUT /send/{txnId}: each transaction is carried out once, and those of one server one after the other. One that a crash cut off is carried
 * out again from its beginning, which does no harm: events are known by their ids. Source: server-server API, "Transactions".
 */
export function transactionEndpoints({ storage, clock, log, pdus, edus }: IntakeDeps): Endpoint[] {
  const inTurn = createQueues()
  const queued = new Map<ServerName, number>()

  async function takeEdu(origin: ServerName, type: string, content: JsonObject): Promise<void> {
    try {
      await edus.get(type)?.(origin, content)
    } catch (error) {
      // A disk that takes nothing: the other server is to try again. Any other fault is of this one message.
      if (error instanceof StorageProblem) throw error
      log.error({ origin, type, err: error }, 'an EDU could not be taken')
    }
  }

  async function carryOut(origin: ServerName, transactionId: string, content: Type.Static<typeof body>): Promise<string> {
    const before = known(storage.reader).get(origin, transactionId)
    if (before !== undefined) return before
    const results = await pdus(origin, (content.pdus ?? []) as JsonObject[])
    for (const { edu_type: type, content: edu } of content.edus ?? []) await takeEdu(origin, type, edu as JsonObject)
    const answer = JSON.stringify({ pdus: results })
    await storage.write((tx) => {
      keep(tx).run(origin, transactionId, clock.now(), answer)
      forget(tx).run(origin, clock.now() - remembered)
    })
    return answer
  }

  return [
    endpoint({
      method: 'PUT',
      path: '/_matrix/federation/v1/send/{txnId}',
      auth: 'server',
      body,
      maxBody,
      async handle({ auth: { origin }, path: { txnId }, body: content }) {
        const waiting = queued.get(origin) ?? 0
        if (waiting >= maxQueued) throw limitExceeded(1000)
        queued.set(origin, waiting + 1)
        try {
          return jsonText(await inTurn(origin, () => carryOut(origin, txnId, content)))
        } finally {
          const left = (queued.get(origin) ?? 1) - 1
          if (left === 0) queued.delete(origin)
          else queued.set(origin, left)
        }
      },
    }),
  ]
}
