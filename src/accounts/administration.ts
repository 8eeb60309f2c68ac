import type { ServerName, UserId } from '../matrix/identifiers.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import { type Random, randomLetters } from '../platform/random.ts'
import type { Storage } from '../storage/storage.ts'
import { localUserId, passwordProblem } from './identify.ts'
import type { PasswordHashing } from './password-hashing.ts'
import { addRegistrationToken } from './registration-tokens.ts'
import type { Sessions } from './sessions.ts'
import { allUsers, createUser, findUser, setPasswordHash } from './store.ts'

/** A sentence for the person who runs the server. */
export type Refusal = { readonly refused: string }

/** What the owner of the server does with accounts; served to the command line. */
export interface Administration {
  /** `name`: localpart or full user id. */
  addUser(wish: {
    readonly name: string
    readonly password: string
    readonly admin: boolean
  }): Promise<{ readonly userId: UserId } | Refusal>
  listUsers(): readonly {
    readonly userId: UserId
    readonly admin: boolean
    readonly deactivated: boolean
    readonly createdAt: Milliseconds
  }[]
  /** Signs the user out everywhere. */
  setPassword(wish: { readonly name: string; readonly password: string }): Promise<{ readonly userId: UserId } | Refusal>
  /** A new registration token; null: without limit. `validFor` from now. */
  addToken(wish: { readonly uses: number | null; readonly validFor: Milliseconds | null }): Promise<{ readonly token: string }>
}

export interface AdministrationDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly serverName: ServerName
  readonly passwords: PasswordHashing
  readonly sessions: Sessions
}

export function createAdministration(deps: AdministrationDeps): Administration {
  const { storage, clock, random, serverName, passwords, sessions } = deps
  return {
    async addUser({ name, password, admin }) {
      const userId = localUserId(name, serverName)
      if (!userId) return { refused: `"${name}" cannot be a user name: only a to z, 0 to 9 and . _ = - / + are possible.` }
      const weak = passwordProblem(password)
      if (weak) return { refused: weak.message }
      if (findUser(storage.reader, userId)) return { refused: `There is a user ${userId} already.` }
      const passwordHash = await passwords.hash(password)
      const added = await storage.write((tx) => createUser(tx, { userId, passwordHash, admin, createdAt: clock.now() }))
      return added ? { userId } : { refused: `There is a user ${userId} already.` }
    },
    listUsers: () =>
      allUsers(storage.reader).map(({ userId, admin, deactivated, createdAt }) => ({ userId, admin, deactivated, createdAt })),
    async setPassword({ name, password }) {
      const userId = localUserId(name, serverName)
      const user = userId && findUser(storage.reader, userId)
      if (!user) return { refused: `There is no user "${name}".` }
      const weak = passwordProblem(password)
      if (weak) return { refused: weak.message }
      const passwordHash = await passwords.hash(password)
      const set = await storage.write((tx) => {
        if (!setPasswordHash(tx, user.userId, passwordHash)) return false
        sessions.endAll(tx, user.userId)
        return true
      })
      return set ? { userId: user.userId } : { refused: `The account ${user.userId} is deactivated for ever.` }
    },
    async addToken({ uses, validFor }) {
      const token = randomLetters(random, 24)
      const now = clock.now()
      const expiresAt = validFor === null ? null : now + validFor
      await storage.write((tx) => addRegistrationToken(tx, { token, usesAllowed: uses, expiresAt }, now))
      return { token }
    },
  }
}
