import Type from 'typebox'
import { type Endpoint, endpoint, type RateLimit } from '../http/endpoint.ts'
import { forbidden, MatrixError, missingParam } from '../http/errors.ts'
import type { ServerName, UserId } from '../matrix/identifiers.ts'
import type { Clock } from '../platform/clock.ts'
import { type Random, randomLetters } from '../platform/random.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { newUserId, passwordProblem } from './identify.ts'
import type { AuthFlow, InteractiveAuth } from './interactive-auth.ts'
import type { PasswordHashing } from './password-hashing.ts'
import { isRegistrationToken, isValidRegistrationToken, useRegistrationToken } from './registration-tokens.ts'
import { deviceWishFields, startSession } from './session-start.ts'
import type { Sessions } from './sessions.ts'
import { createUser, userExists } from './store.ts'

export interface RegistrationDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly serverName: ServerName
  readonly registration: 'closed' | 'token' | 'open'
  readonly passwords: PasswordHashing
  readonly interactiveAuth: InteractiveAuth
  readonly sessions: Sessions
}

export const registrationLimit: RateLimit = { name: 'registration', by: 'address', burst: 10, perSecond: 0.2 }

const flows: Readonly<Record<'token' | 'open', readonly AuthFlow[]>> = {
  token: [['m.login.registration_token']],
  open: [['m.login.dummy']],
}

const registerBody = Type.Object({
  auth: Type.Optional(Type.Unknown()),
  username: Type.Optional(Type.String({ maxLength: 255 })),
  password: Type.Optional(Type.String()),
  inhibit_login: Type.Optional(Type.Boolean()),
  ...deviceWishFields,
})

export const userInUse = () => new MatrixError(400, 'M_USER_IN_USE', 'The user name is taken')
export const invalidUsername = () =>
  new MatrixError(
    400,
    'M_INVALID_USERNAME',
    'username: only a to z, 0 to 9 and . _ = - / + are possible, 255 characters with the server name',
  )

/** Registration; source: client-server API, "Account registration". */
export function registrationEndpoints(deps: RegistrationDeps): Endpoint[] {
  const { storage, clock, random, serverName, registration, passwords, interactiveAuth, sessions } = deps

  /** The id of a new account for `username`, or one made up; ends the request if it cannot be had. */
  function wantedUserId(reader: Reader, username: string | undefined): UserId {
    const userId = newUserId(username ?? randomLetters(random, 12), serverName)
    if (!userId) throw invalidUsername()
    if (userExists(reader, userId)) throw userInUse()
    return userId
  }

  function openFlows(): readonly AuthFlow[] {
    if (registration === 'closed') throw forbidden('Registration is closed on this server')
    return flows[registration]
  }

  return [
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/register',
      auth: 'none',
      query: Type.Object({ kind: Type.Optional(Type.Enum(['user', 'guest'])) }),
      body: registerBody,
      rateLimit: registrationLimit,
      async handle({ query, body, address }) {
        if (query.kind === 'guest') throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'This server has no guests')
        const offered = openFlows()
        // Before the authentication, as the specification demands.
        const userId = wantedUserId(storage.reader, body.username)
        if (body.password === undefined && body.auth !== undefined) throw missingParam('password: is required')
        const weak = body.password === undefined ? undefined : passwordProblem(body.password)
        if (weak) throw weak
        const { registrationToken } = await interactiveAuth.require({
          auth: body.auth,
          operation: 'POST /register',
          flows: offered,
        })
        const passwordHash = await passwords.hash(body.password ?? '')
        return storage.write((tx) => {
          if (registrationToken !== undefined && !useRegistrationToken(tx, registrationToken, clock.now()))
            throw forbidden('The registration token was used up in the meantime')
          if (!createUser(tx, { userId, passwordHash, admin: false, createdAt: clock.now() })) throw userInUse()
          if (body.inhibit_login === true) return { user_id: userId }
          return startSession(sessions, tx, userId, body, address)
        })
      },
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/register/available',
      auth: 'none',
      query: Type.Object({ username: Type.String() }),
      rateLimit: registrationLimit,
      handle({ query }) {
        openFlows()
        wantedUserId(storage.reader, query.username)
        return { available: true }
      },
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v1/register/m.login.registration_token/validity',
      auth: 'none',
      query: Type.Object({ token: Type.String() }),
      rateLimit: registrationLimit,
      handle({ query: { token } }) {
        openFlows()
        return { valid: isRegistrationToken(token) && isValidRegistrationToken(storage.reader, token, clock.now()) }
      },
    }),
  ]
}
