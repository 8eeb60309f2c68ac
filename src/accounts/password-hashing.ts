import { hash, verify } from '@node-rs/argon2'
import { limitExceeded } from '../http/errors.ts'
import { atMost } from '../platform/at-most.ts'
import type { Random } from '../platform/random.ts'

export interface PasswordCost {
  /** KiB. */
  readonly memory: number
  readonly iterations: number
}

export interface PasswordHashing {
  /** Argon2id in PHC string format. */
  hash(password: string): Promise<string>
  /** Takes the same time for an unknown user (undefined) or one without password (null), and answers false. */
  verify(password: string, passwordHash: string | null | undefined): Promise<boolean>
}

/** What OWASP recommends for Argon2id. */
export const defaultPasswordCost: PasswordCost = { memory: 19_456, iterations: 2 }

/** At once. The work runs on the thread pool, whose other threads make the database durable. */
const maxRunning = 2
const maxWaiting = 100

/** Ends a request with M_LIMIT_EXCEEDED when too many wait. */
export function createPasswordHashing(cost: PasswordCost, random: Random): PasswordHashing {
  const inTurn = atMost(maxRunning, { waiting: maxWaiting, refusal: () => limitExceeded(5000) })
  const hashNow = (password: string) =>
    hash(password, { memoryCost: cost.memory, timeCost: cost.iterations, parallelism: 1, salt: random.bytes(16) })
  let decoy: Promise<string> | undefined

  return {
    hash: (password) => inTurn(() => hashNow(password)),
    verify: (password, passwordHash) =>
      inTurn(async () => {
        decoy ??= hashNow(random.bytes(32).toString('base64'))
        const matches = await verify(passwordHash ?? (await decoy), password)
        return matches && typeof passwordHash === 'string'
      }),
  }
}
