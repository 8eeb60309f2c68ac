import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

export interface StoredKey {
  readonly keyId: string
  /** Unpadded base64. */
  readonly publicKey: string
  /** Milliseconds since the epoch. */
  readonly validUntil: Milliseconds
  /** Of use for events of its time only. */
  readonly retired: boolean
}

interface Row extends Omit<StoredKey, 'retired'> {
  readonly retired: 0 | 1
}

/** Retired keys that one server may have; what it retired first goes first. */
const maxRetired = 64

const find = statement<[string, string], Row>(
  'SELECT key_id AS keyId, public_key AS publicKey, valid_until AS validUntil, retired FROM server_keys WHERE server_name = ? AND key_id = ?',
)
const retireAll = statement<[number, string], never>(
  'UPDATE server_keys SET retired = 1, valid_until = min(valid_until, ?) WHERE server_name = ? AND retired = 0',
)
const put = statement<[string, string, string, number, 0 | 1], never>(
  `INSERT INTO server_keys (server_name, key_id, public_key, valid_until, retired) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET public_key = excluded.public_key, valid_until = excluded.valid_until, retired = excluded.retired`,
)
const forgetOldest = statement<[{ server: string; most: number }], never>(
  `DELETE FROM server_keys WHERE server_name = :server AND key_id IN (SELECT key_id FROM server_keys
   WHERE server_name = :server AND retired = 1 ORDER BY valid_until DESC LIMIT -1 OFFSET :most)`,
)

export function findServerKey(reader: Reader, server: string, keyId: string): StoredKey | undefined {
  const row = find(reader).get(server, keyId)
  return row && { ...row, retired: row.retired === 1 }
}

/** Takes over what a server has just published. Keys that it no longer names retire now, though it did not say so. */
export function storeServerKeys(tx: Writer, server: string, keys: readonly StoredKey[], now: Milliseconds): void {
  retireAll(tx).run(now, server)
  for (const { keyId, publicKey, validUntil, retired } of keys) put(tx).run(server, keyId, publicKey, validUntil, retired ? 1 : 0)
  forgetOldest(tx).run({ server, most: maxRetired })
}
