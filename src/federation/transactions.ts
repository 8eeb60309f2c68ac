import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { invalidParam, limitExceeded } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import type { EventId, ServerName } from '../matrix/identifiers.ts'
import { isObject, type JsonObject } from '../matrix/json.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { createQueues } from '../platform/queues.ts'
import { StorageProblem } from '../storage/problems.ts'
import type { Storage } from '../storage/storage.ts'
import { answerBefore, rememberAnswer } from './transaction-store.ts'

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

/** What single events and EDUs are like is no matter of the transaction: a bad one must not keep the others. */
const body = Type.Object({
  origin: Type.Optional(Type.String()),
  origin_server_ts: Type.Optional(Type.Number()),
  pdus: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 50 })),
  edus: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 100 })),
})
type Content = Type.Static<typeof body>

/** Bytes: fifty events of 64 KiB, with escapes three times as long, and 64 KiB for each of fifty EDUs. */
const maxBody = (3 * 50 + 50) * 64 * 1024
/** Transactions of one server, and of all, that wait for the one before; a server that keeps to the specification sends no second one. */
const maxQueued = { one: 5, all: 100 }
const maxIdLength = 255

/**
 * PUT /send/{txnId}: each transaction is carried out once, and those of one server one after the other. One that a crash cut off is carried
 * out again from its beginning, which does no harm: events are known by their ids. Source: server-server API, "Transactions".
 */
export function transactionEndpoints(deps: IntakeDeps): Endpoint[] {
  const { storage, clock, pdus } = deps
  const inTurn = createLine()

  async function carryOut(origin: ServerName, transactionId: string, content: Content): Promise<string> {
    const before = answerBefore(storage.reader, origin, transactionId)
    if (before !== undefined) return before
    const events = (content.pdus ?? []).filter(isObject)
    const results = events.length > 0 ? await pdus(origin, events) : {}
    for (const edu of content.edus ?? []) await takeEdu(deps, origin, edu)
    const answer = JSON.stringify({ pdus: results })
    await storage.write((tx) => rememberAnswer(tx, origin, transactionId, answer, clock.now()))
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
        if (txnId.length > maxIdLength) throw invalidParam(`txnId: has more than ${maxIdLength} characters`)
        if (content.origin !== undefined && content.origin !== origin)
          throw invalidParam('origin: is another server than the one that signed')
        return jsonText(await inTurn(origin, () => carryOut(origin, txnId, content)))
      },
    }),
  ]
}

async function takeEdu({ edus, log }: IntakeDeps, origin: ServerName, edu: unknown): Promise<void> {
  if (!isObject(edu)) return
  const { edu_type: type, content } = edu
  if (typeof type !== 'string' || !isObject(content)) {
    log.debug({ origin }, 'an EDU is none')
    return
  }
  try {
    await edus.get(type)?.(origin, content)
  } catch (error) {
    // A disk that takes nothing: the other server is to try again. Any other fault is of this one message.
    if (error instanceof StorageProblem) throw error
    log.error({ origin, type, err: error }, 'an EDU could not be taken')
  }
}

/** One after the other for each server. What waits is in memory, so that only so many may. */
function createLine(): <Result>(origin: ServerName, task: () => Promise<Result>) => Promise<Result> {
  const inTurn = createQueues()
  const counts = new Map<ServerName, number>()
  let all = 0
  return async (origin, task) => {
    const queued = counts.get(origin) ?? 0
    if (queued > maxQueued.one || (queued > 0 && all >= maxQueued.all)) throw limitExceeded(1000)
    counts.set(origin, queued + 1)
    all += 1
    try {
      return await inTurn(origin, task)
    } finally {
      all -= 1
      const left = (counts.get(origin) ?? 1) - 1
      if (left === 0) counts.delete(origin)
      else counts.set(origin, left)
    }
  }
}
