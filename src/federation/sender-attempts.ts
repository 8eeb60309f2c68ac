import type { ServerName } from '../matrix/identifiers.ts'
import type { Reader } from '../storage/handles.ts'
import type { Tried } from './destinations.ts'
import type { Edu } from './outbox.ts'
import { full, type LoadPdu, lastRows, nextTransaction, rowsOf, type Transaction } from './sender-transaction.ts'

/**
 * Chooses what goes next to each server. What was not answered may have arrived: it comes again with the same rows and no others, so that its
 * id is known to the other side. Of what makes no sense to the other side the rows go one by one, so that one does not keep the others.
 */
export interface Attempts {
  next(server: ServerName, loadPdu: LoadPdu, extra: Iterable<Edu>): Transaction | undefined
  /** The last rows of what is under way, or was not taken. */
  tried(server: ServerName): Tried
  began(server: ServerName, transaction: Transaction): void
  taken(server: ServerName): void
  makesNoSense(server: ServerName, transaction: Transaction): void
  /** From before a restart. */
  restore(server: ServerName, tried: Tried): void
}

interface Attempt extends Tried {
  /** How many rows are to go one by one. */
  readonly alone: number
}

const nothing = { pdu: null, edu: null }

export function createAttempts(reader: Reader): Attempts {
  const attempts = new Map<ServerName, Attempt>()

  function again(server: ServerName, loadPdu: LoadPdu, before: Attempt): Transaction | undefined {
    const one = (bounds: { pdus: number; edus: number }) =>
      nextTransaction(reader, server, loadPdu, { ...bounds, upTo: undefined }, [])
    if (before.alone > 0) return one({ pdus: 1, edus: 0 }) ?? one({ pdus: 0, edus: 1 })
    return nextTransaction(reader, server, loadPdu, { ...full, upTo: before }, [])
  }

  return {
    next(server, loadPdu, extra) {
      const before = attempts.get(server)
      const same = before && again(server, loadPdu, before)
      return same ?? nextTransaction(reader, server, loadPdu, full, extra)
    },
    tried: (server) => attempts.get(server) ?? nothing,
    began(server, transaction) {
      if (rowsOf(transaction) > 0) attempts.set(server, { ...lastRows(transaction), alone: attempts.get(server)?.alone ?? 0 })
    },
    taken(server) {
      const alone = (attempts.get(server)?.alone ?? 0) - 1
      if (alone > 0) attempts.set(server, { ...nothing, alone })
      else attempts.delete(server)
    },
    makesNoSense(server, transaction) {
      if (rowsOf(transaction) > 1) attempts.set(server, { ...nothing, alone: rowsOf(transaction) })
    },
    restore(server, { pdu, edu }) {
      if (pdu !== null || edu !== null) attempts.set(server, { pdu, edu, alone: 0 })
    },
  }
}
