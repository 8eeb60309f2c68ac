import { hash } from 'node:crypto'
import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

const hashOf = (token: string) => hash('sha256', token, 'base64url')

const insert = statement<[string, string, Milliseconds], never>(
  'INSERT INTO openid_tokens (token_hash, user_id, expires_at) VALUES (?, ?, ?)',
)
const prune = statement<[Milliseconds], never>('DELETE FROM openid_tokens WHERE expires_at <= ?')
const owner = statement<[string, Milliseconds], string>(
  'SELECT user_id FROM openid_tokens WHERE token_hash = ? AND expires_at > ?',
  'pluck',
)
const removeAll = statement<[string], never>('DELETE FROM openid_tokens WHERE user_id = ?')

/** Keeps a token until `expiresAt`, and forgets those that have expired by `now`; both since the epoch. */
export function keepToken(tx: Writer, token: string, userId: string, expiresAt: Milliseconds, now: Milliseconds): void {
  prune(tx).run(now)
  insert(tx).run(hashOf(token), userId, expiresAt)
}

/** Whose token this is; undefined: nobody's, or it has expired. */
export function tokenOwner(reader: Reader, token: string, now: Milliseconds): string | undefined {
  return owner(reader).get(hashOf(token), now)
}

/** The account ends. */
export function forgetOpenidTokens(tx: Writer, userId: string): void {
  removeAll(tx).run(userId)
}
