import { type Reader, statement, type Writer } from '../storage/handles.ts'
import type { NamedKey } from './one-time-keys.ts'

type Device = [userId: string, deviceId: string]

const one = statement<[...Device, string], { keyId: string; json: string; used: number }>(
  'SELECT key_id AS keyId, json, used FROM fallback_keys WHERE user_id = ? AND device_id = ? AND algorithm = ?',
)
const put = statement<[...Device, string, string, string], never>(
  `INSERT INTO fallback_keys (user_id, device_id, algorithm, key_id, json, used) VALUES (?, ?, ?, ?, ?, 0)
   ON CONFLICT DO UPDATE SET key_id = excluded.key_id, json = excluded.json, used = 0`,
)
const markUsed = statement<[...Device, string], never>(
  'UPDATE fallback_keys SET used = 1 WHERE user_id = ? AND device_id = ? AND algorithm = ?',
)
const unused = statement<Device, string>(
  'SELECT algorithm FROM fallback_keys WHERE user_id = ? AND device_id = ? AND used = 0',
  'pluck',
)
const removeAll = statement<Device, never>('DELETE FROM fallback_keys WHERE user_id = ? AND device_id = ?')

/** Replaces the fallback key of the key's algorithm; the same key again changes nothing, so that a used one stays used. */
export function setFallbackKey(tx: Writer, userId: string, deviceId: string, { algorithm, keyId, json }: NamedKey): void {
  const existing = one(tx).get(userId, deviceId, algorithm)
  if (existing?.keyId === keyId && existing.json === json) return
  put(tx).run(userId, deviceId, algorithm, keyId, json)
}

/** Gives out the fallback key and notes that it was used. */
export function useFallbackKey(tx: Writer, userId: string, deviceId: string, algorithm: string): NamedKey | undefined {
  const row = one(tx).get(userId, deviceId, algorithm)
  if (!row) return undefined
  if (!row.used) markUsed(tx).run(userId, deviceId, algorithm)
  return { algorithm, keyId: row.keyId, json: row.json }
}

/** Algorithms whose fallback key nobody was given yet. */
export function unusedFallbackKeyTypes(reader: Reader, userId: string, deviceId: string): readonly string[] {
  return unused(reader).all(userId, deviceId)
}

export function removeFallbackKeys(tx: Writer, userId: string, deviceId: string): void {
  removeAll(tx).run(userId, deviceId)
}
