import { canonicalJson } from '../matrix/canonical-json.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'
import type { PublishedKeys } from './published-keys.ts'

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
/** Characters of what a server publishes that are kept to be passed on; usual are some hundred. */
const maxAnswer = 16 * 1024
/** Whose keys are kept. Whoever owns a domain can have as many servers as there are names in it. */
const maxServers = 10_000

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

const add = statement<[string, string, string, number], never>(
  `INSERT INTO server_keys (server_name, key_id, public_key, valid_until, retired) VALUES (?, ?, ?, ?, 1) ON CONFLICT DO NOTHING`,
)
const hasValidKey = statement<[string, number], 1>(
  'SELECT 1 FROM server_keys WHERE server_name = ? AND retired = 0 AND valid_until > ? LIMIT 1',
  'pluck',
)
const findAnswer = statement<[string], { answer: string | null; validUntil: number }>(
  'SELECT answer, valid_until AS validUntil FROM server_key_answers WHERE server_name = ?',
)
const putAnswer = statement<[string, string | null, number, number], never>(
  `INSERT INTO server_key_answers (server_name, answer, valid_until, fetched_at) VALUES (?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET answer = excluded.answer, valid_until = excluded.valid_until, fetched_at = excluded.fetched_at`,
)
const countAnswers = statement<[], number>('SELECT count(fetched_at) FROM server_key_answers', 'pluck')
const longUnheard = statement<[number], string>('SELECT server_name FROM server_key_answers ORDER BY fetched_at LIMIT ?', 'pluck')
const removeKeys = statement<[string], never>('DELETE FROM server_keys WHERE server_name = ?')
const removeAnswer = statement<[string], never>('DELETE FROM server_key_answers WHERE server_name = ?')

export function findServerKey(reader: Reader, server: string, keyId: string): StoredKey | undefined {
  const row = find(reader).get(server, keyId)
  return row && { ...row, retired: row.retired === 1 }
}

/** Takes over what a server publishes now. Keys that it no longer names retire, though it did not say so. */
export function storePublishedKeys(
  tx: Writer,
  server: string,
  { keys, signed, validUntilTs }: PublishedKeys,
  now: Milliseconds,
): void {
  retireAll(tx).run(now, server)
  for (const { keyId, publicKey, validUntil, retired } of keys) put(tx).run(server, keyId, publicKey, validUntil, retired ? 1 : 0)
  forgetOldest(tx).run({ server, most: maxRetired })
  const isNew = findAnswer(tx).get(server) === undefined
  const text = canonicalJson(signed)
  putAnswer(tx).run(server, text.length <= maxAnswer ? text : null, validUntilTs, now)
  if (isNew) forgetLongUnheard(tx, maxServers)
}

/** Leaves the keys of at most so many servers; those that were not asked for longest go. */
export function forgetLongUnheard(tx: Writer, most: number): void {
  const excess = (countAnswers(tx).get() ?? 0) - most
  if (excess <= 0) return
  // A few more, so that the next one comes to lie in the gap.
  for (const server of longUnheard(tx).all(excess + Math.floor(most / 100))) {
    removeKeys(tx).run(server)
    removeAnswer(tx).run(server)
  }
}

/**
 * Takes over what a trusted notary says about a server. While keys from the server itself are valid, nobody else's word changes
 * them: of what it says only keys that are not known are added, for events of the past.
 */
export function storeHeardKeys(tx: Writer, server: string, heard: PublishedKeys, now: Milliseconds): void {
  const stored = findAnswer(tx).get(server)
  const holds = hasValidKey(tx).get(server, now) !== undefined
  if (!holds && (!stored || heard.validUntilTs > stored.validUntil)) return storePublishedKeys(tx, server, heard, now)
  for (const { keyId, publicKey, validUntil } of heard.keys) add(tx).run(server, keyId, publicKey, Math.min(validUntil, now))
  forgetOldest(tx).run({ server, most: maxRetired })
}

/** What a server last published about its keys. */
export interface StoredAnswer {
  readonly validUntilTs: Milliseconds
  /** Undefined: it was too long to be kept. */
  readonly content: JsonObject | undefined
}

export function findPublished(reader: Reader, server: string): StoredAnswer | undefined {
  const row = findAnswer(reader).get(server)
  return row && { validUntilTs: row.validUntil, content: row.answer === null ? undefined : JSON.parse(row.answer) }
}

/** Whether the server, or a trusted notary for it, has ever been heard. */
export function isServerKnown(reader: Reader, server: string): boolean {
  return findAnswer(reader).get(server) !== undefined
}
