import type { ServerName } from '../matrix/identifiers.ts'
import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

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

const columns = 'server, failing_since AS failingSince, failures, next_attempt AS nextAttempt, last_success AS lastSuccess'
const every = statement<[], DestinationState>(`SELECT ${columns} FROM destinations ORDER BY server`)
const failed = statement<[{ server: ServerName; now: number; failures: number; next: number }], never>(
  `INSERT INTO destinations (server, failing_since, failures, next_attempt) VALUES (:server, :now, :failures, :next)
   ON CONFLICT DO UPDATE SET failing_since = coalesce(failing_since, :now), failures = :failures, next_attempt = :next`,
)
const succeeded = statement<[{ server: ServerName; now: number }], never>(
  `INSERT INTO destinations (server, failures, next_attempt, last_success) VALUES (:server, 0, 0, :now)
   ON CONFLICT DO UPDATE SET failing_since = NULL, failures = 0, next_attempt = 0, last_success = :now`,
)

/** All servers that anything was ever sent to. */
export function destinationStates(reader: Reader): readonly DestinationState[] {
  return every(reader).all()
}

export function noteFailure(tx: Writer, server: ServerName, now: Milliseconds, failures: number, next: Milliseconds): void {
  failed(tx).run({ server, now, failures, next })
}

export function noteSuccess(tx: Writer, server: ServerName, now: Milliseconds): void {
  succeeded(tx).run({ server, now })
}
