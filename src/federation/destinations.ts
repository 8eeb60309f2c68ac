import type { ServerName } from '../matrix/identifiers.ts'
import type { Milliseconds } from '../platform/clock.ts'
import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'

/** How sending to a server went lately; times are milliseconds since the epoch. */
export interface DestinationState {
  readonly server: ServerName
  /** Null: it can be reached. */
  readonly failingSince: Milliseconds | null
  readonly failures: number
  readonly nextAttempt: Milliseconds
  /** Null: it never took anything. */
  readonly lastSuccess: Milliseconds | null
}

/** The last rows of a transaction that was not taken, or not answered; null: it has none of the kind. */
export interface Tried {
  readonly pdu: Position | null
  readonly edu: number | null
}

interface Failing extends Pick<DestinationState, 'server' | 'failures' | 'nextAttempt'>, Tried {}

const columns = 'server, failing_since AS failingSince, failures, next_attempt AS nextAttempt, last_success AS lastSuccess'
const every = statement<[], DestinationState>(`SELECT ${columns} FROM destinations ORDER BY server`)
const failing = statement<[], Failing>(
  `SELECT server, failures, next_attempt AS nextAttempt, tried_pdu AS pdu, tried_edu AS edu FROM destinations WHERE failures > 0`,
)
const failed = statement<[{ server: ServerName; now: number; failures: number; next: number } & Tried], never>(
  `INSERT INTO destinations (server, failing_since, failures, next_attempt, tried_pdu, tried_edu) VALUES (:server, :now, :failures, :next, :pdu, :edu)
   ON CONFLICT DO UPDATE SET failing_since = coalesce(failing_since, :now), failures = :failures, next_attempt = :next, tried_pdu = :pdu, tried_edu = :edu`,
)
const succeeded = statement<[{ server: ServerName; now: number }], never>(
  `INSERT INTO destinations (server, failures, next_attempt, last_success) VALUES (:server, 0, 0, :now)
   ON CONFLICT DO UPDATE SET failing_since = NULL, failures = 0, next_attempt = 0, last_success = :now, tried_pdu = NULL, tried_edu = NULL`,
)

const nothingWaits = statement<[ServerName], never>(
  `UPDATE destinations SET failing_since = NULL, failures = 0, next_attempt = 0, tried_pdu = NULL, tried_edu = NULL WHERE server = ?`,
)

/** All servers that anything was ever sent to. What waits for them: `countWaiting`. */
export function destinationStates(reader: Reader): readonly DestinationState[] {
  return every(reader).all()
}

/** Those that did not take what was sent to them last. */
export function failingDestinations(reader: Reader): readonly Failing[] {
  return failing(reader).all()
}

export interface Failure {
  readonly now: Milliseconds
  /** In a row. */
  readonly failures: number
  readonly nextAttempt: Milliseconds
  readonly tried: Tried
}

export function noteFailure(tx: Writer, server: ServerName, { now, failures, nextAttempt, tried }: Failure): void {
  failed(tx).run({ server, now, failures, next: nextAttempt, ...tried })
}

export function noteSuccess(tx: Writer, server: ServerName, now: Milliseconds): void {
  succeeded(tx).run({ server, now })
}

/** It does not matter any more whether it takes anything. */
export function noteNothingWaits(tx: Writer, server: ServerName): void {
  nothingWaits(tx).run(server)
}
