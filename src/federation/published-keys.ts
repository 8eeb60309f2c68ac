import Type from 'typebox'
import { mapOf } from '../http/schemas.ts'
import { checkBody } from '../http/validation.ts'
import { parseJson } from '../matrix/canonical-json.ts'
import type { JsonObject } from '../matrix/json.ts'
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

/** However long a server says that its keys are valid. Source: server-server API, "Publishing Keys". */
const maxValidity: Milliseconds = 7 * 24 * 3_600_000
const maxKeys = 16
const maxOldKeys = 64
const keyId = /^ed25519:\w{1,255}$/

/**
 * Reads what a server publishes at `/_matrix/key/v2/server`: all or nothing, since who lies in part is not to be believed in the rest.
 * Only keys of other algorithms, which nobody can check, are passed over; and old keys that no one should ever have used.
 */
export function readPublishedKeys(
  server: string,
  text: string,
  now: Milliseconds,
): { readonly keys: readonly StoredKey[] } | { readonly problem: string } {
  const read = parseJson(text, 'strict')
  if ('problem' in read) return read
  const wrong = checkBody(published, read.value)
  if (wrong) return { problem: wrong.message }
  const content = read.value as Type.Static<typeof published>
  if (content.server_name !== server) return { problem: 'server_name: the keys are those of another server' }
  if (content.valid_until_ts <= now) return { problem: 'valid_until_ts: has passed' }
  const validUntil = Math.min(content.valid_until_ts, now + maxValidity)

  const keys: StoredKey[] = []
  for (const [id, { key }] of Object.entries(content.verify_keys)) {
    if (!keyId.test(id)) continue
    const imported = importVerifyKey(key)
    if ('problem' in imported) return { problem: `verify_keys.${id}: ${imported.problem}` }
    const signature = content.signatures[server]?.[id]
    if (signature === undefined || !verifySignedJson(read.value as JsonObject, signature, imported))
      return { problem: `verify_keys.${id}: the server did not sign with this key` }
    keys.push({ keyId: id, publicKey: imported.publicKey, validUntil, retired: false })
    if (keys.length > maxKeys) return { problem: `verify_keys: more than ${maxKeys}` }
  }
  if (keys.length === 0) return { problem: 'verify_keys: no ed25519 key' }
  return { keys: [...keys, ...oldKeys(content)] }
}

function oldKeys({ verify_keys: current, old_verify_keys: old = {} }: Type.Static<typeof published>): readonly StoredKey[] {
  const latest = Object.entries(old)
    .filter(([id]) => keyId.test(id) && !Object.hasOwn(current, id))
    .sort(([, one], [, other]) => other.expired_ts - one.expired_ts)
    .slice(0, maxOldKeys)
  return latest.flatMap(([id, { key, expired_ts: validUntil }]) => {
    const imported = importVerifyKey(key)
    return 'problem' in imported ? [] : [{ keyId: id, publicKey: imported.publicKey, validUntil, retired: true }]
  })
}
