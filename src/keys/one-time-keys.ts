import { createHash } from 'node:crypto'
import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'
import { canonicalText, readSigned } from './signed-json.ts'

/** A one-time or fallback key as it is named and given out. */
export interface NamedKey {
  readonly algorithm: string
  readonly keyId: string
  /** Canonical JSON: a text, or an object with signatures. */
  readonly json: string
}

/** Unclaimed keys that a device may have of one algorithm; clients keep about fifty. */
const maxKeysPerAlgorithm = 1_000
/** Given keys that are remembered for each device: more than one upload can bring again. */
const maxRemembered = 1_000

type Device = [userId: string, deviceId: string]

const counts = statement<Device, { algorithm: string; count: number }>(
  'SELECT algorithm, count(*) AS count FROM one_time_keys WHERE user_id = ? AND device_id = ? GROUP BY algorithm',
)
const stored = statement<[...Device, string], { keyId: string; json: string }>(
  'SELECT key_id AS keyId, json FROM one_time_keys WHERE user_id = ? AND device_id = ? AND algorithm = ?',
)
const insert = statement<[...Device, string, Position, string, string], never>(
  'INSERT INTO one_time_keys (user_id, device_id, algorithm, position, key_id, json) VALUES (?, ?, ?, ?, ?, ?)',
)
const oldest = statement<[...Device, string], { position: Position; keyId: string; json: string }>(
  `SELECT position, key_id AS keyId, json FROM one_time_keys
   WHERE user_id = ? AND device_id = ? AND algorithm = ? ORDER BY position, key_id LIMIT 1`,
)
const remove = statement<[...Device, string, Position, string], never>(
  'DELETE FROM one_time_keys WHERE user_id = ? AND device_id = ? AND algorithm = ? AND position = ? AND key_id = ?',
)
const removeAll = statement<Device, never>('DELETE FROM one_time_keys WHERE user_id = ? AND device_id = ?')

const given = statement<Device, string>('SELECT digest FROM given_keys WHERE user_id = ? AND device_id = ?', 'pluck')
const remember = statement<[...Device, Position, string], never>(
  'INSERT INTO given_keys (user_id, device_id, position, digest) VALUES (?, ?, ?, ?)',
)
const forgetOldest = statement<[...Device, ...Device, number], never>(
  `DELETE FROM given_keys WHERE user_id = ? AND device_id = ? AND position < (
     SELECT position FROM given_keys WHERE user_id = ? AND device_id = ? ORDER BY position DESC LIMIT 1 OFFSET ?)`,
)
const forgetGiven = statement<Device, never>('DELETE FROM given_keys WHERE user_id = ? AND device_id = ?')

/** Unclaimed keys by algorithm; `signed_curve25519` is always there, since clients take its absence for "not told". */
export function oneTimeKeyCounts(reader: Reader, userId: string, deviceId: string): Readonly<Record<string, number>> {
  const rows = counts(reader).all(userId, deviceId)
  return Object.fromEntries([['signed_curve25519', 0], ...rows.map(({ algorithm, count }) => [algorithm, count])])
}

/**
 * Adds keys of one device. A key that is there, or was given away, is left alone: clients repeat uploads whose answer they did not see.
 * @returns what is wrong with the keys as a whole; then the caller must undo the write
 */
export function addOneTimeKeys(tx: Writer, userId: string, deviceId: string, keys: readonly NamedKey[]): string | undefined {
  if (keys.length === 0) return undefined
  const position = tx.nextPosition()
  const alreadyGiven = new Set(given(tx).all(userId, deviceId))
  if (alreadyGiven.size > maxRemembered) forgetOldest(tx).run(userId, deviceId, userId, deviceId, maxRemembered - 1)
  for (const [algorithm, ofAlgorithm] of Map.groupBy(keys, (key) => key.algorithm)) {
    const existing = new Map(
      stored(tx)
        .all(userId, deviceId, algorithm)
        .map(({ keyId, json }) => [keyId, json]),
    )
    for (const key of ofAlgorithm) {
      const same = existing.get(key.keyId)
      if (same !== undefined && unsignedText(same) !== unsignedText(key.json))
        return `one_time_keys.${algorithm}:${key.keyId}: there is another key with this id already`
      if (same !== undefined || alreadyGiven.has(keyDigest(key))) continue
      existing.set(key.keyId, key.json)
      if (existing.size > maxKeysPerAlgorithm)
        return `one_time_keys: a device may have at most ${maxKeysPerAlgorithm} keys of one algorithm`
      insert(tx).run(userId, deviceId, algorithm, position, key.keyId, key.json)
    }
  }
  return undefined
}

/** Takes the oldest key away for good; undefined: there is none. Within a write, so that nobody else gets it, crash or not. */
export function takeOneTimeKey(tx: Writer, userId: string, deviceId: string, algorithm: string): NamedKey | undefined {
  const row = oldest(tx).get(userId, deviceId, algorithm)
  if (!row) return undefined
  const key = { algorithm, keyId: row.keyId, json: row.json }
  remove(tx).run(userId, deviceId, algorithm, row.position, row.keyId)
  remember(tx).run(userId, deviceId, tx.nextPosition(), keyDigest(key))
  return key
}

export function removeOneTimeKeys(tx: Writer, userId: string, deviceId: string): void {
  removeAll(tx).run(userId, deviceId)
  forgetGiven(tx).run(userId, deviceId)
}

/** Two uploads of one key may be signed differently. */
function unsignedText(json: string): string {
  return json.startsWith('{') ? canonicalText({ ...readSigned(json), signatures: undefined }) : json
}

function keyDigest({ algorithm, keyId, json }: NamedKey): string {
  return createHash('sha256')
    .update(`${algorithm}:${keyId} ${unsignedText(json)}`)
    .digest()
    .toString('base64url', 0, 16)
}
