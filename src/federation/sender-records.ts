import type { ServerName } from '../matrix/identifiers.ts'
import type { Milliseconds } from '../platform/clock.ts'
import type { Writer } from '../storage/handles.ts'
import { type Failure, noteFailure, noteNothingWaits, noteSuccess } from './destinations.ts'
import { countWaiting, dropOutdated, dropRows, keepNewest } from './outbox.ts'
import type { Transaction } from './sender-transaction.ts'

/** Events that wait for a server that is away before only the newest of each room do. */
const maxWaiting = 500

export function recordTaken(tx: Writer, server: ServerName, transaction: Transaction, now: Milliseconds): void {
  forgetRows(tx, server, transaction)
  noteSuccess(tx, server, now)
}

/** Of what has been waiting for a while, keeps what the server still needs. */
export function recordNotTaken(tx: Writer, server: ServerName, failure: Failure): void {
  dropOutdated(tx, server, failure.now)
  if (countWaiting(tx, server).pdus > maxWaiting) keepNewest(tx, server)
  const left = countWaiting(tx, server)
  if (left.pdus + left.edus === 0) noteNothingWaits(tx, server)
  else noteFailure(tx, server, failure)
}

export function forgetRows(tx: Writer, server: ServerName, { positions, edus }: Transaction): void {
  const ids = edus.map(({ id }) => id)
  dropRows(tx, server, positions, ids)
}
