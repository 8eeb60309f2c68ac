import { interactiveAuthLimit } from '../accounts/device-endpoints.ts'
import { type Endpoint, endpoint, type Session } from '../http/endpoint.ts'
import { invalidParam } from '../http/errors.ts'
import { parseUserId, serverOf, type UserId } from '../matrix/identifiers.ts'
import type { Storage } from '../storage/storage.ts'
import { readCrossSigningKeys, storeCrossSigningKeys } from './device-signing.ts'
import type { KeyChanges } from './key-changes.ts'
import type { RemoteKeys } from './remote.ts'
import { deviceSigningBody, signaturesBody } from './schemas.ts'
import { addSignatures, type SignatureFailure } from './sign.ts'

/** Has a user confirm a request by user-interactive authentication: resolves when done, throws the answer that asks for it. */
export type Confirm = (session: Session, auth: Readonly<Record<string, unknown>> | undefined) => Promise<void>

export interface CrossSigningDeps {
  readonly storage: Storage
  readonly serverName: string
  readonly confirm: Confirm
  readonly changes: KeyChanges
  readonly remote: RemoteKeys | undefined
}

const maxBody = 1024 * 1024
/** Each costs a verification. */
const maxSignedKeys = 200
/** Users of other servers whose keys are asked for; people verify one another one by one. */
const maxFetched = 20

/** Keys for signing keys; source: client-server API, "Cross-signing". */
export function crossSigningEndpoints({ storage, serverName, confirm, changes, remote }: CrossSigningDeps): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/keys/device_signing/upload',
      auth: 'session',
      body: deviceSigningBody,
      rateLimit: interactiveAuthLimit,
      async handle({ auth, body }) {
        const keys = readCrossSigningKeys(auth.userId, body)
        if ('refused' in keys) throw keys.refused
        const store = (confirmed: boolean) =>
          storage.write((tx) => storeCrossSigningKeys(tx, changes, auth.userId, keys, confirmed))
        let outcome = await store(false)
        if (outcome === 'unconfirmed') {
          await confirm(auth, body.auth)
          outcome = await store(true)
        }
        if (typeof outcome === 'object') throw outcome.refused
        return {}
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/keys/signatures/upload',
      auth: 'session',
      body: signaturesBody,
      maxBody,
      async handle({ auth, body }) {
        const targets = Object.entries(body).flatMap(([target, keys]) =>
          Object.entries(keys).map(([keyId, value]) => ({ target, keyId, value })),
        )
        if (targets.length > maxSignedKeys) throw invalidParam(`body: more than ${maxSignedKeys} signed keys`)
        const elsewhere = remoteUsers(Object.keys(body), serverName)
        if (remote) await Promise.all(elsewhere.slice(0, maxFetched).map((userId) => remote.ensure(auth.userId, userId)))
        const failures = await storage.write((tx) => {
          const byTarget = new Map<string, [string, SignatureFailure][]>()
          for (const { target, keyId, value } of targets) {
            const failure = addSignatures(tx, changes, auth.userId, target, keyId, value)
            if (failure) byTarget.set(target, [...(byTarget.get(target) ?? []), [keyId, failure]])
          }
          return byTarget
        })
        return {
          failures: Object.fromEntries([...failures].map(([target, keys]) => [target, Object.fromEntries(keys)])),
        }
      },
    }),
  ]
}

function remoteUsers(targets: readonly string[], serverName: string): readonly UserId[] {
  return targets.flatMap((target) => {
    const userId = parseUserId(target)
    return userId && serverOf(userId) !== serverName ? [userId] : []
  })
}
