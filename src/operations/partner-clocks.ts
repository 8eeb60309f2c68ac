import type { Federation } from '../federation/federation.ts'
import { knownServers } from '../federation/known-servers.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Storage } from '../storage/storage.ts'
import { type ClockGuard, createClockGuard } from './clock-guard.ts'
import { lastBeginning } from './job-runs.ts'

export interface PartnerClockDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Log
  /** Undefined: federation is off. */
  federation(): Pick<Federation, 'outside' | 'sender'> | undefined
}

/** How many servers can be drawn on. */
const maxPartners = 20
const limits = { connect: 5000, headers: 8000, total: 10_000, bytes: 256 * 1024 }

/** A clock guard that asks the servers that this one has spoken with. */
export function createPartnerClock({ storage, clock, log, federation }: PartnerClockDeps): ClockGuard {
  return createClockGuard({
    clock,
    log,
    // A clock that is wrong by years must not make all of them strangers.
    partners: () => (federation() ? knownServers(storage.reader, maxPartners) : []),
    async dateOf(server) {
      // A question that needs no signature.
      const request = {
        method: 'GET',
        target: '/_matrix/federation/v1/version',
        headers: { accept: 'application/json' },
        limits,
      } as const
      const answer = await federation()?.outside.send(server as ServerName, request)
      if (!answer) return { problem: 'no way out' }
      return 'problem' in answer ? answer : { date: answer.headers.date }
    },
    lastKnown: () => lastBeginning(storage.reader),
    trustedAgain: () => federation()?.sender.retryAll(),
  })
}
