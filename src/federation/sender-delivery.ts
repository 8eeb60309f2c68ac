import Type from 'typebox'
import { anyObject } from '../http/schemas.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { FederationClient } from './client.ts'
import { contentOf, type Transaction } from './sender-transaction.ts'

/** Why a transaction was not taken. */
export interface NotTaken {
  /** For the log. */
  readonly problem: string
  /** `unreachable`: no answer, or none of a Matrix server; `senseless`: the server cannot make anything of it, so that it may never take it. */
  readonly kind: 'unreachable' | 'refused' | 'senseless'
}

export interface DeliveryDeps {
  readonly client: FederationClient
  readonly clock: Clock
  readonly log: Log
  readonly serverName: ServerName
}

const limits = { connect: 10_000, headers: 60_000, total: 60_000 }
const senseless: ReadonlySet<number> = new Set([400, 413])
const taken = Type.Object({ pdus: Type.Optional(anyObject) })

/**
 * PUT /send/{txnId}. Undefined: the server has taken it; what it says about single events is for the log alone, since they would not become
 * better. Source: server-server API, "Transactions".
 */
export type Deliver = (server: ServerName, transaction: Transaction) => Promise<NotTaken | undefined>

export function createDelivery({ client, clock, log, serverName }: DeliveryDeps): Deliver {
  return async (server, transaction) => {
    const target = `/_matrix/federation/v1/send/${transaction.id}`
    const content = contentOf(transaction, serverName, clock.now(), ({ id, type }, problem) =>
      log.warn({ server, id, type, problem }, 'what cannot be read is not sent'),
    )
    const answer = await client.ask(server, { method: 'PUT', target, content, limits }, taken)
    if ('problem' in answer) return { problem: answer.problem, kind: 'unreachable' }
    if ('refusal' in answer) {
      const { status, code, message } = answer.refusal
      return { problem: `${status} ${code} ${message}`, kind: senseless.has(status) ? 'senseless' : 'refused' }
    }
    for (const [eventId, result] of Object.entries(answer.body.pdus ?? {})) {
      const error = (result as { error?: unknown } | null)?.error
      if (typeof error === 'string') log.info({ server, eventId, error: error.slice(0, 500) }, 'a server refused an event')
    }
    return undefined
  }
}
