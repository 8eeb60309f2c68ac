import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { forbidden, MatrixError } from '../http/errors.ts'
import { anyObject } from '../http/schemas.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Storage } from '../storage/storage.ts'
import { readCredentials } from './identify.ts'
import type { PasswordHashing } from './password-hashing.ts'
import { deviceWishFields, startSession } from './session-start.ts'
import type { Sessions } from './sessions.ts'
import { findUser } from './store.ts'

export interface SessionEndpointsDeps {
  readonly storage: Storage
  readonly serverName: ServerName
  readonly passwords: PasswordHashing
  readonly sessions: Sessions
}

const loginBody = Type.Object({
  type: Type.String(),
  identifier: Type.Optional(anyObject),
  user: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  ...deviceWishFields,
})

/** Login, refresh, logout; source: client-server API, "Legacy API". */
export function sessionEndpoints({ storage, serverName, passwords, sessions }: SessionEndpointsDeps): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/login',
      auth: 'none',
      handle: () => ({ flows: [{ type: 'm.login.password' }] }),
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/login',
      auth: 'none',
      body: loginBody,
      rateLimit: { name: 'login', by: 'address', burst: 10, perSecond: 0.2 },
      async handle({ body, address }) {
        if (body.type !== 'm.login.password') throw new MatrixError(400, 'M_UNKNOWN', 'type: only m.login.password is possible')
        const credentials = readCredentials(body, serverName)
        if ('error' in credentials) throw credentials.error
        const user = credentials.userId && findUser(storage.reader, credentials.userId)
        const wrong = forbidden('Wrong user or password')
        if (!(await passwords.verify(credentials.password, user?.passwordHash)) || !user) throw wrong
        return storage.write((tx) => {
          // The check took its time: the password may have been changed and the account ended.
          if (findUser(tx, user.userId)?.passwordHash !== user.passwordHash) throw wrong
          return startSession(sessions, tx, user.userId, body, address)
        })
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/refresh',
      auth: 'none',
      body: Type.Object({ refresh_token: Type.String() }),
      // All phones of a house may come from one address.
      rateLimit: { name: 'refresh', by: 'address', burst: 60, perSecond: 1 },
      async handle({ body }) {
        const tokens = await storage.write((tx) => sessions.refresh(tx, body.refresh_token))
        if (tokens) return tokens
        throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'The refresh token is not known or was used up', { soft_logout: false })
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/logout',
      auth: 'session',
      async handle({ auth }) {
        await storage.write((tx) => sessions.end(tx, auth.userId, auth.deviceId))
        return {}
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/logout/all',
      auth: 'session',
      async handle({ auth }) {
        await storage.write((tx) => sessions.endAll(tx, auth.userId))
        return {}
      },
    }),
  ]
}
