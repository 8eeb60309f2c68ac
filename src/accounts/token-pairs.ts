import { hash } from 'node:crypto'
import type { DeviceId, UserId } from '../matrix/identifiers.ts'
import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

/** What is stored of a token. It has 256 random bits, so a fast hash is enough, and finding it by index tells an attacker nothing. */
export function tokenHash(token: string): string {
  return hash('sha256', token, 'base64url')
}

export interface TokenPair {
  readonly id: number
  readonly userId: UserId
  readonly deviceId: DeviceId
  /** The pair whose refresh token dies at the first use of this one. */
  readonly replaces: number | null
}

export interface AccessToken extends TokenPair {
  /** Since the epoch; null: does not expire. */
  readonly expiresAt: Milliseconds | null
  readonly admin: 0 | 1
}

const columns = 'p.id, p.user_id AS userId, p.device_id AS deviceId, p.replaces'
const byAccess = statement<[string], AccessToken>(
  `SELECT ${columns}, p.expires_at AS expiresAt, u.admin FROM token_pairs p JOIN users u ON u.user_id = p.user_id WHERE p.access_hash = ?`,
)
const byRefresh = statement<[string], TokenPair>(`SELECT ${columns} FROM token_pairs p WHERE p.refresh_hash = ?`)

export function findAccessToken(reader: Reader, accessHash: string): AccessToken | undefined {
  return byAccess(reader).get(accessHash)
}

export function findRefreshToken(reader: Reader, refreshHash: string): TokenPair | undefined {
  return byRefresh(reader).get(refreshHash)
}

const insert = statement<[string, string, string, Milliseconds | null, string | null, number | null], never>(
  `INSERT INTO token_pairs (user_id, device_id, access_hash, expires_at, refresh_hash, replaces) VALUES (?, ?, ?, ?, ?, ?)`,
)

export interface NewTokenPair {
  readonly userId: string
  readonly deviceId: string
  readonly accessHash: string
  readonly expiresAt: Milliseconds | null
  readonly refreshHash: string | null
  readonly replaces: number | null
}

export function insertTokenPair(tx: Writer, pair: NewTokenPair): void {
  insert(tx).run(pair.userId, pair.deviceId, pair.accessHash, pair.expiresAt, pair.refreshHash, pair.replaces)
}

const deleteOfDevice = statement<[string, string], string>(
  'DELETE FROM token_pairs WHERE user_id = ? AND device_id = ? RETURNING access_hash',
  'pluck',
)
const deleteSuccessors = statement<[string, string, number], string>(
  'DELETE FROM token_pairs WHERE user_id = ? AND device_id = ? AND replaces = ? RETURNING access_hash',
  'pluck',
)
const deleteUsedUp = statement<[string, string, number], string>(
  `DELETE FROM token_pairs WHERE user_id = ? AND device_id = ? AND id < ? AND refresh_hash IS NULL AND expires_at IS NOT NULL
   RETURNING access_hash`,
  'pluck',
)
const useUpRefresh = statement<[number], never>('UPDATE token_pairs SET refresh_hash = NULL WHERE id = ?')
const forgetReplaced = statement<[number], never>('UPDATE token_pairs SET replaces = NULL WHERE id = ? AND replaces IS NOT NULL')

/** Ends every pair of a device; the hashes of their access tokens, for caches to forget. */
export function deleteTokenPairs(tx: Writer, userId: string, deviceId: string): readonly string[] {
  return deleteOfDevice(tx).all(userId, deviceId)
}

/** Ends the pairs that an earlier use of the same refresh token led to and that were not used: they were lost on their way. */
export function deleteUnusedSuccessors(tx: Writer, pair: TokenPair): readonly string[] {
  return deleteSuccessors(tx).all(pair.userId, pair.deviceId, pair.id)
}

/**
 * The first use of a pair ends the refresh token it came from. That pair's access token stays until it expires, so that a
 * request under way is told to refresh and not that its session is gone; the one before it goes.
 * Source: client-server API, "Refreshing access tokens". Returns hashes of ended access tokens.
 */
export function confirmTokenPair(tx: Writer, pair: TokenPair): readonly string[] {
  if (pair.replaces === null || forgetReplaced(tx).run(pair.id).changes === 0) return []
  useUpRefresh(tx).run(pair.replaces)
  return deleteUsedUp(tx).all(pair.userId, pair.deviceId, pair.replaces)
}
