import type { Endpoint } from '../http/endpoint.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Random } from '../platform/random.ts'
import type { Storage } from '../storage/storage.ts'
import { accountEndpoints } from './account-endpoints.ts'
import { type Administration, createAdministration } from './administration.ts'
import { type Authenticator, createAuthenticator } from './authenticator.ts'
import { deviceEndpoints } from './device-endpoints.ts'
import { createInteractiveAuth, type InteractiveAuth } from './interactive-auth.ts'
import { createPasswordHashing, defaultPasswordCost, type PasswordCost } from './password-hashing.ts'
import { registrationEndpoints } from './registration-endpoints.ts'
import { sessionEndpoints } from './session-endpoints.ts'
import { type AccountHooks, createSessions, type Sessions } from './sessions.ts'
import { sharedSecretRegistrationEndpoints } from './shared-secret-registration.ts'

export interface AccountsOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly log: Log
  readonly serverName: ServerName
  readonly registration: 'closed' | 'token' | 'open'
  /** Undefined: nobody registers that way. */
  readonly registrationSharedSecret: string | undefined
  readonly passwordCost?: PasswordCost | undefined
  readonly hooks: AccountHooks
}

export interface Accounts {
  readonly endpoints: readonly Endpoint[]
  readonly authenticate: Authenticator['authenticate']
  readonly interactiveAuth: InteractiveAuth
  readonly administration: Administration
  readonly sessions: Sessions
  /** Before the storage closes. */
  close(): Promise<void>
}

/** Users, their devices and sessions. */
export function createAccounts(options: AccountsOptions): Accounts {
  const { random, hooks, registrationSharedSecret } = options
  const passwords = createPasswordHashing(options.passwordCost ?? defaultPasswordCost, random)
  const authenticator = createAuthenticator(options)
  const sessions = createSessions({ clock: options.clock, random, authenticator, hooks })
  const interactiveAuth = createInteractiveAuth({ ...options, passwords })
  const parts = { ...options, passwords, sessions, interactiveAuth }
  return {
    endpoints: [
      ...registrationEndpoints(parts),
      ...sessionEndpoints(parts),
      ...deviceEndpoints(parts),
      ...accountEndpoints(parts),
      ...(registrationSharedSecret === undefined
        ? []
        : sharedSecretRegistrationEndpoints({ ...parts, sharedSecret: registrationSharedSecret })),
    ],
    authenticate: authenticator.authenticate,
    interactiveAuth,
    administration: createAdministration(parts),
    sessions,
    close: authenticator.close,
  }
}
