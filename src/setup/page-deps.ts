import type { PasswordHashing } from '../accounts/password-hashing.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Random } from '../platform/random.ts'
import type { Resolver } from '../platform/resolver.ts'
import type { Storage } from '../storage/storage.ts'
import type { Messenger, Settled } from './messenger.ts'
import type { Restoring } from './restoring.ts'
import type { Staff } from './staff/staff.ts'

/** What all pages may use. */
export interface PageDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly log: Log
  readonly passwords: PasswordHashing
  readonly messenger: Messenger
  readonly settled: Settled
  readonly staff: Staff
  readonly restoring: Restoring
  readonly resolver: Resolver
  readonly dataDirectory: string
  /** To be called once somebody owns the box. */
  whenClaimed(): Promise<void>
  /** Aborts when the page falls: nothing may use the storage then. */
  readonly closing: AbortSignal
  /** Where the page is found, from the networks of this machine first. */
  pageUrls(): readonly string[]
  /** Where apps reach the messenger, from the networks of this machine first. */
  clientUrls(): readonly string[]
}
