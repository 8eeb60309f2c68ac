import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { forbidden, MatrixError } from '../http/errors.ts'
import type { UserId } from '../matrix/identifiers.ts'
import type { Storage } from '../storage/storage.ts'
import { interactiveAuthLimit } from './device-endpoints.ts'
import { passwordProblem } from './identify.ts'
import type { InteractiveAuth } from './interactive-auth.ts'
import type { PasswordHashing } from './password-hashing.ts'
import type { Sessions } from './sessions.ts'
import { setPasswordHash } from './store.ts'

export interface AccountEndpointsDeps {
  readonly storage: Storage
  readonly passwords: PasswordHashing
  readonly interactiveAuth: InteractiveAuth
  readonly sessions: Sessions
}

/** Who an access token belongs to, password, end of an account; source: client-server API, "Account management". */
export function accountEndpoints({ storage, passwords, interactiveAuth, sessions }: AccountEndpointsDeps): Endpoint[] {
  /** Whose password was proven: the asking user's, or without a session that of whoever gave theirs. */
  async function proveOwner(auth: unknown, operation: string, asking: string | undefined): Promise<UserId> {
    const { userId } = await interactiveAuth.require({
      auth,
      operation,
      flows: [['m.login.password']],
      userId: asking,
    })
    if (userId === undefined) throw new Error('a flow with a password was completed without a user')
    return userId
  }

  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/account/whoami',
      auth: 'session',
      handle: ({ auth }) => ({ user_id: auth.userId, device_id: auth.deviceId, is_guest: false }),
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/account/3pid',
      auth: 'session',
      // Third-party identifiers cannot be added to accounts of this server.
      handle: () => ({ threepids: [] }),
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/account/password',
      auth: 'optional',
      body: Type.Object({
        auth: Type.Optional(Type.Unknown()),
        new_password: Type.String(),
        logout_devices: Type.Optional(Type.Boolean()),
      }),
      rateLimit: interactiveAuthLimit,
      async handle({ auth, body }) {
        const problem = passwordProblem(body.new_password)
        if (problem) throw new MatrixError(problem.status, problem.code, `new_${problem.message}`)
        const userId = await proveOwner(body.auth, 'POST /account/password', auth?.userId)
        const passwordHash = await passwords.hash(body.new_password)
        await storage.write((tx) => {
          if (!setPasswordHash(tx, userId, passwordHash)) throw forbidden('The account was deactivated in the meantime')
          if (body.logout_devices !== false) sessions.endAll(tx, userId, auth?.deviceId)
        })
        return {}
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/account/deactivate',
      auth: 'optional',
      body: Type.Object({
        auth: Type.Optional(Type.Unknown()),
        id_server: Type.Optional(Type.String()),
        erase: Type.Optional(Type.Boolean()),
      }),
      rateLimit: interactiveAuthLimit,
      async handle({ auth, body }) {
        const userId = await proveOwner(body.auth, 'POST /account/deactivate', auth?.userId)
        await storage.write((tx) => sessions.deactivate(tx, userId, body.erase === true))
        // "Must be `success` if the homeserver has no identifiers to unbind."
        return { id_server_unbind_result: 'success' }
      },
    }),
  ]
}
