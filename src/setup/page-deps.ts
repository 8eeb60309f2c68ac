import type { PasswordHashing } from '../accounts/password-hashing.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Random } from '../platform/random.ts'
import type { Storage } from '../storage/storage.ts'
import type { Messenger, Settled } from './messenger.ts'
import type { Staff } from './staff/staff.ts'

/** What all pages may use. */
export interface PageDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly passwords: PasswordHashing
  readonly messenger: Messenger
  readonly settled: Settled
  readonly staff: Staff
  /** Where the page is found, from the networks of this machine first. */
  pageUrls(): readonly string[]
  /** Where apps in the practice's own network reach the messenger; undefined: only on this machine. */
  clientUrl(): string | undefined
}
