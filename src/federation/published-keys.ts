import Type from 'typebox'
import { mapOf } from '../http/schemas.ts'
import { checkBody } from '../http/validation.ts'
import type { JsonObject, JsonValue } from '../matrix/json.ts'
import { importVerifyKey, verifySignedJson } from '../matrix/signatures.ts'
import type { Milliseconds } from '../platform/clock.ts'
import type { StoredKey } from './store.ts'

const published = Type.Object({
  server_name: Type.String(),
  verify_keys: mapOf(Type.Object({ key: Type.String() })),
  old_verify_keys: Type.Optional(mapOf(Type.Object({ key: Type.String(), expired_ts: Type.Integer() }))),
  signatures: mapOf(mapOf(Type.String())),
  valid_until_ts: Type.Integer(),
})

type Published = Type.Static<typeof published>

/** However long a server says that its keys are valid. Source: server-server API, "Publishing Keys". */
export const maxValidity: Milliseconds = 7 * 24 * 3_600_000
const maxKeys = 16
const maxOldKeys = 64
const keyId = /^ed25519:\w{1,255}$/

/** What a server once said about its keys, as it proved by signing it with each of those that are in use. */
export interface PublishedKeys {
  readonly keys: readonly StoredKey[]
  /** `valid_until_ts` as published, in milliseconds: of two answers of a server, that with the greater one is the newer. */
  readonly validUntilTs: Milliseconds
  /** What the server signed, with its own signatures only. */
  readonly signed: JsonObject
}

/**
 * Reads what a server publishes at `/_matrix/key/v2/server`: all or nothing, since who lies in part is not to be believed in the rest.
 * Only keys of other algorithms, which nobody can check, are passed over; and old keys that no one should ever have used.
 * `current`: what has expired is refused; `past`: it tells about the past.
 */
export function readPublishedKeys(
  server: string,
  value: JsonValue,
  now: Milliseconds,
  age: 'current' | 'past',
): PublishedKeys | { readonly problem: string } {
  const wrong = checkBody(published, value)
  if (wrong) return { problem: wrong.message }
  const signed = value as JsonObject
  const content = value as unknown as Published
  if (content.server_name !== server) return { problem: 'server_name: the keys are those of another server' }
  if (age === 'current' && content.valid_until_ts <= now) return { problem: 'valid_until_ts: has passed' }
  const validUntil = Math.min(content.valid_until_ts, now + maxValidity)
  const keys: StoredKey[] = []
  for (const [id, { key }] of Object.entries(content.verify_keys)) {
    if (!keyId.test(id)) continue
    const imported = importVerifyKey(key)
    if ('problem' in imported) return { problem: `verify_keys.${id}: ${imported.problem}` }
    const signature = content.signatures[server]?.[id]
    if (signature === undefined || !verifySignedJson(signed, signature, imported))
      return { problem: `verify_keys.${id}: the server did not sign with this key` }
    keys.push({ keyId: id, publicKey: imported.publicKey, validUntil, retired: false })
    if (keys.length > maxKeys) return { problem: `verify_keys: more than ${maxKeys}` }
  }
  if (keys.length === 0) return { problem: 'verify_keys: no ed25519 key' }
  const { unsigned: _unsigned, ...rest } = signed
  return {
    keys: [...keys, ...oldKeys(content, validUntil)],
    validUntilTs: content.valid_until_ts,
    signed: { ...rest, signatures: { [server]: ownSignatures(content, keys) } },
  }
}

function ownSignatures(content: Published, keys: readonly StoredKey[]): JsonObject {
  const all = content.signatures[content.server_name] ?? {}
  return Object.fromEntries(keys.map(({ keyId: id }) => [id, all[id]]))
}

function oldKeys({ verify_keys: current, old_verify_keys: old = {} }: Published, latest: Milliseconds): readonly StoredKey[] {
  const newest = Object.entries(old)
    .filter(([id]) => keyId.test(id) && !Object.hasOwn(current, id))
    .sort(([, one], [, other]) => other.expired_ts - one.expired_ts)
    .slice(0, maxOldKeys)
  return newest.flatMap(([id, { key, expired_ts: expired }]) => {
    const imported = importVerifyKey(key)
    if ('problem' in imported) return []
    return [{ keyId: id, publicKey: imported.publicKey, validUntil: Math.min(expired, latest), retired: true }]
  })
}
