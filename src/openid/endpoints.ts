import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { forbidden, unknownToken } from '../http/errors.ts'
import { anyObject } from '../http/schemas.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import { type Random, randomSecret } from '../platform/random.ts'
import type { Storage } from '../storage/storage.ts'
import { keepToken, tokenOwner } from './store.ts'

export interface OpenidDeps {
  readonly storage: Storage
  readonly serverName: string
  readonly clock: Clock
  readonly random: Random
}

const lasts: Milliseconds = 3_600_000

/** Tokens that show who a user is, and nothing else. Source: client-server API, "OpenID". */
export function openidEndpoints({ storage, serverName, clock, random }: OpenidDeps): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/user/{userId}/openid/request_token',
      auth: 'session',
      body: anyObject,
      rateLimit: { name: 'openid', by: 'user', burst: 20, perSecond: 0.2 },
      async handle({ auth, path }) {
        if (path.userId !== auth.userId) throw forbidden('userId: you can show who you are, and nobody else')
        const token = randomSecret(random)
        const now = clock.now()
        await storage.write((tx) => keepToken(tx, token, auth.userId, now + lasts, now))
        return { access_token: token, token_type: 'Bearer', matrix_server_name: serverName, expires_in: lasts / 1000 }
      },
    }),
  ]
}

/** For the services that are shown such a token, which may be anybody. Source: server-server API, "OpenID". */
export function openidFederationEndpoints({ storage, clock }: Pick<OpenidDeps, 'storage' | 'clock'>): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/federation/v1/openid/userinfo',
      auth: 'none',
      query: Type.Object({ access_token: Type.String({ maxLength: 255 }) }),
      rateLimit: { name: 'openid-userinfo', by: 'address', burst: 60, perSecond: 5 },
      handle({ query }) {
        const userId = tokenOwner(storage.reader, query.access_token, clock.now())
        if (userId === undefined) throw unknownToken(false)
        return { sub: userId }
      },
    }),
  ]
}
