import { createHmac, timingSafeEqual } from 'node:crypto'
import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { forbidden, MatrixError } from '../http/errors.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import { type Random, randomSecret } from '../platform/random.ts'
import type { Storage } from '../storage/storage.ts'
import { newUserId, passwordProblem } from './identify.ts'
import type { PasswordHashing } from './password-hashing.ts'
import { invalidUsername, registrationLimit, userInUse } from './registration-endpoints.ts'
import { startSession } from './session-start.ts'
import type { Sessions } from './sessions.ts'
import { createUser, userExists } from './store.ts'

export interface SharedSecretRegistrationDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly serverName: ServerName
  readonly sharedSecret: string
  readonly passwords: PasswordHashing
  readonly sessions: Sessions
}

const path = '/_synapse/admin/v1/register'
const nonceLifetime: Milliseconds = 60_000
const maxNonces = 1000

const body = Type.Object({
  nonce: Type.String({ maxLength: 100 }),
  username: Type.String({ maxLength: 255 }),
  password: Type.String(),
  mac: Type.String({ maxLength: 100 }),
  admin: Type.Optional(Type.Boolean()),
})

/** Registration by those who know a secret of the server, in the form that Synapse introduced and tools use. */
export function sharedSecretRegistrationEndpoints(deps: SharedSecretRegistrationDeps): Endpoint[] {
  const { storage, clock, random, serverName, sharedSecret, passwords, sessions } = deps
  const nonces = new Map<string, Milliseconds>()

  function newNonce(): string {
    for (const [nonce, endsAt] of nonces) {
      if (endsAt > clock.now() && nonces.size < maxNonces) break
      nonces.delete(nonce)
    }
    const nonce = randomSecret(random)
    nonces.set(nonce, clock.now() + nonceLifetime)
    return nonce
  }

  function takeNonce(nonce: string): boolean {
    const endsAt = nonces.get(nonce)
    nonces.delete(nonce)
    return endsAt !== undefined && endsAt > clock.now()
  }

  function isSigned(fields: { nonce: string; username: string; password: string; admin?: boolean; mac: string }): boolean {
    const text = [fields.nonce, fields.username, fields.password, fields.admin === true ? 'admin' : 'notadmin'].join('\0')
    const expected = createHmac('sha1', sharedSecret).update(text).digest()
    const given = Buffer.from(fields.mac, 'hex')
    return given.length === expected.length && timingSafeEqual(given, expected)
  }

  return [
    endpoint({ method: 'GET', path, auth: 'none', rateLimit: registrationLimit, handle: () => ({ nonce: newNonce() }) }),
    endpoint({
      method: 'POST',
      path,
      auth: 'none',
      body,
      rateLimit: registrationLimit,
      async handle({ body: fields, address }) {
        if (!takeNonce(fields.nonce)) throw new MatrixError(400, 'M_UNKNOWN', 'nonce: is not known, was used, or is too old')
        if (!isSigned(fields)) throw forbidden('mac: is not right')
        const userId = newUserId(fields.username, serverName)
        if (!userId) throw invalidUsername()
        const weak = passwordProblem(fields.password)
        if (weak) throw weak
        if (userExists(storage.reader, userId)) throw userInUse()
        const passwordHash = await passwords.hash(fields.password)
        return storage.write((tx) => {
          if (!createUser(tx, { userId, passwordHash, admin: fields.admin === true, createdAt: clock.now() })) throw userInUse()
          return startSession(sessions, tx, userId, {}, address)
        })
      },
    }),
  ]
}
