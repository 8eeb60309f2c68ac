import type { ServerName } from '../matrix/identifiers.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Random } from '../platform/random.ts'
import { type BackOff, delayAfter } from './back-off.ts'

/** Which servers fail, for all that is asked of them and sent to them: there is one memory of it. */
export interface Retries extends BackOff {
  /**
   * How long a server is to be left alone by requests that somebody waits for: a minute at most after one that failed, so that nobody is
   * refused for an hour because of a server that is back. 0: it may be asked.
   */
  wait(server: ServerName): Milliseconds
  /** No answer came. */
  failed(server: ServerName): void
  /** An answer came, whatever it says: it can be reached. */
  succeeded(server: ServerName): void
  /** How long nothing is to be sent to it: the longer, the more often it failed. */
  pause(server: ServerName): Milliseconds
  /** Failures since the last success. */
  failures(server: ServerName): number
  /** It can be reached, and does not take what is sent to it. Longer and longer pauses until it does (`accepted`). */
  refused(server: ServerName): void
  accepted(server: ServerName): void
  /** A genuine request of it came, so it is there: no long pause is left, though its failures are not forgotten before it takes something. */
  heardFrom(server: ServerName): void
  /** Somebody wants it tried at once. */
  hurry(server: ServerName): void
  /** Goes on where it was before a restart; `until`: milliseconds since the epoch. */
  restore(server: ServerName, failures: number, until: Milliseconds): void
  /** `listener` hears of servers whose pause has become shorter than it was said to be. */
  onShorter(listener: (server: ServerName) => void): void
}

interface Trouble {
  readonly failures: number
  readonly until: Milliseconds
  readonly lastFailure: Milliseconds
  /** Refuses, but can be reached. */
  readonly answers: boolean
}

const first: Milliseconds = 5000
const longest: Milliseconds = 3_600_000
/** Since the last failure, for requests that somebody waits for. */
const longestWait: Milliseconds = 60_000
/** Between attempts at a server that is heard from and yet fails, since it may send many requests. */
const longestHeard: Milliseconds = 30_000
const maxServers = 10_000

/**
 * The pause before the next attempt: 5 seconds after the first failure, then twice as long each time, an hour at most; up to a quarter
 * less, so that servers that failed together are not tried together. `fraction`: from 0 to 1, by chance.
 */
export function retryDelay(failures: number, fraction: number): Milliseconds {
  return Math.round(delayAfter(failures, first, longest) * (1 - fraction / 4))
}

export function createRetries({ clock, random }: { readonly clock: Clock; readonly random: Random }): Retries {
  const troubles = new Map<ServerName, Trouble>()
  let tell: (server: ServerName) => void = () => undefined

  const left = (until: Milliseconds | undefined) => Math.max(0, (until ?? 0) - clock.now())
  const chance = () => random.bytes(4).readUInt32LE() / 2 ** 32

  function remember(server: ServerName, trouble: Trouble): void {
    troubles.delete(server)
    troubles.set(server, trouble)
    const [oldest] = troubles.size > maxServers ? troubles.keys() : []
    if (oldest !== undefined) troubles.delete(oldest)
  }

  function forget(server: ServerName): void {
    const before = troubles.get(server)
    troubles.delete(server)
    if (before && before.until > clock.now()) tell(server)
  }

  function fail(server: ServerName, before: Trouble | undefined, answers: boolean): void {
    const now = clock.now()
    const failures = (before?.failures ?? 0) + 1
    remember(server, { failures, until: now + retryDelay(failures, chance()), lastFailure: now, answers })
  }

  function shorten(server: ServerName, trouble: Trouble): void {
    remember(server, trouble)
    tell(server)
  }

  return {
    wait(server) {
      const trouble = troubles.get(server)
      return trouble && !trouble.answers ? left(Math.min(trouble.until, trouble.lastFailure + longestWait)) : 0
    },
    failed(server) {
      const before = troubles.get(server)
      // Requests that were under way together fail together, and so do those that come during a pause: that is one failure.
      if (before && left(before.until) > 0) remember(server, { ...before, lastFailure: clock.now(), answers: false })
      else fail(server, before, false)
    },
    succeeded(server) {
      if (troubles.get(server)?.answers === false) forget(server)
    },
    pause: (server) => left(troubles.get(server)?.until),
    failures: (server) => troubles.get(server)?.failures ?? 0,
    refused: (server) => fail(server, troubles.get(server), true),
    accepted: forget,
    heardFrom(server) {
      const trouble = troubles.get(server)
      if (!trouble) return
      const spacing = Math.min(longestHeard, retryDelay(trouble.failures, 0) / 10)
      const until = Math.max(clock.now(), trouble.lastFailure + spacing)
      if (until < trouble.until) shorten(server, { ...trouble, until })
    },
    hurry(server) {
      const trouble = troubles.get(server)
      if (trouble && left(trouble.until) > 0) shorten(server, { ...trouble, until: clock.now() })
    },
    restore: (server, failures, until) => remember(server, { failures, until, lastFailure: 0, answers: false }),
    onShorter(listener) {
      tell = listener
    },
  }
}
