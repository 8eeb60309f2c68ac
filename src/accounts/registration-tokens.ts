import { hash } from 'node:crypto'
import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

/** Opaque identifier of at most 64 characters; source: client-server API, "Token-authenticated registration". */
const grammar = /^[A-Za-z0-9._~-]{1,64}$/

export function isRegistrationToken(text: unknown): text is string {
  return typeof text === 'string' && grammar.test(text)
}

const hashOf = (token: string) => hash('sha256', token, 'base64url')

const insert = statement<[string, number | null, Milliseconds | null, Milliseconds], never>(
  'INSERT INTO registration_tokens (token_hash, uses_allowed, expires_at, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
)

export interface RegistrationToken {
  readonly token: string
  /** Null: any number of accounts. */
  readonly usesAllowed: number | null
  /** Since the epoch; null: never. */
  readonly expiresAt: Milliseconds | null
}

/** False: there is such a token already. */
export function addRegistrationToken(tx: Writer, token: RegistrationToken, now: Milliseconds): boolean {
  return insert(tx).run(hashOf(token.token), token.usesAllowed, token.expiresAt, now).changes === 1
}

const usable = '(uses_allowed IS NULL OR used < uses_allowed) AND (expires_at IS NULL OR expires_at > ?)'
const valid = statement<[string, Milliseconds], number>(
  `SELECT 1 FROM registration_tokens WHERE token_hash = ? AND ${usable}`,
  'pluck',
)
const use = statement<[string, Milliseconds], never>(
  `UPDATE registration_tokens SET used = used + 1 WHERE token_hash = ? AND ${usable}`,
)

/** Whether somebody could register with `token` now. Found by its hash, so that the time taken says nothing about near misses. */
export function isValidRegistrationToken(reader: Reader, token: string, now: Milliseconds): boolean {
  return valid(reader).get(hashOf(token), now) !== undefined
}

/** Counts one account made with `token`, in the write that makes it; false: the token cannot be used (any more). */
export function useRegistrationToken(tx: Writer, token: string, now: Milliseconds): boolean {
  return use(tx).run(hashOf(token), now).changes === 1
}
