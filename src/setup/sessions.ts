import { createHash } from 'node:crypto'
import type { Milliseconds } from '../platform/clock.ts'
import { type Random, randomSecret } from '../platform/random.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

/** Somebody who is signed in to the page. */
export interface OwnerSession {
  readonly tokenHash: string
  /** Null: gave the claim code, and may do nothing but become the owner. */
  readonly owner: string | null
  readonly startedAt: Milliseconds
  readonly seenAt: Milliseconds
  /** When the password was given last. */
  readonly confirmedAt: Milliseconds
}

/** Without a request. */
const idleLimit: Milliseconds = 30 * 60_000
const longest: Milliseconds = 12 * 3_600_000
/** For so long after the password was given, dangerous acts do not ask for it again. */
const confirmationLasts: Milliseconds = 5 * 60_000
/** What `seenAt` may be behind by, so that looking at pages does not write each time. */
const seenGrain: Milliseconds = 60_000

const columns = 'token_hash AS tokenHash, owner, started_at AS startedAt, seen_at AS seenAt, confirmed_at AS confirmedAt'
const find = statement<[string], OwnerSession>(`SELECT ${columns} FROM owner_sessions WHERE token_hash = ?`)
const insert = statement<[string, string | null, Milliseconds, Milliseconds, Milliseconds], never>(
  'INSERT INTO owner_sessions (token_hash, owner, started_at, seen_at, confirmed_at) VALUES (?, ?, ?, ?, ?)',
)
const see = statement<[Milliseconds, string], never>('UPDATE owner_sessions SET seen_at = ? WHERE token_hash = ?')
const confirm = statement<[Milliseconds, string], never>('UPDATE owner_sessions SET confirmed_at = ? WHERE token_hash = ?')
const remove = statement<[string], never>('DELETE FROM owner_sessions WHERE token_hash = ?')
const removeOthers = statement<[string], never>('DELETE FROM owner_sessions WHERE token_hash <> ?')
const removeAll = statement<[], never>('DELETE FROM owner_sessions')
const removeOld = statement<[Milliseconds, Milliseconds], never>('DELETE FROM owner_sessions WHERE seen_at < ? OR started_at < ?')

const hashOf = (token: string) => createHash('sha256').update(token).digest('base64url')

/** A new session; the answer goes into the cookie, and is kept nowhere. */
export function startOwnerSession(tx: Writer, random: Random, owner: string | null, now: Milliseconds): string {
  removeOld(tx).run(now - idleLimit, now - longest)
  const token = randomSecret(random)
  insert(tx).run(hashOf(token), owner, now, now, now)
  return token
}

/** Undefined: it never was, or it has ended. */
export function ownerSession(reader: Reader, token: string, now: Milliseconds): OwnerSession | undefined {
  const session = find(reader).get(hashOf(token))
  const alive = session && now - session.seenAt < idleLimit && now - session.startedAt < longest
  return alive ? session : undefined
}

export function isDueToBeSeen(session: OwnerSession, now: Milliseconds): boolean {
  return Math.abs(now - session.seenAt) >= seenGrain
}

export function markSeen(tx: Writer, { tokenHash }: OwnerSession, now: Milliseconds): void {
  see(tx).run(now, tokenHash)
}

/** Whether dangerous acts may go without asking for the password. */
export function isConfirmed({ confirmedAt }: OwnerSession, now: Milliseconds): boolean {
  return now >= confirmedAt && now - confirmedAt < confirmationLasts
}

export function markConfirmed(tx: Writer, { tokenHash }: OwnerSession, now: Milliseconds): void {
  confirm(tx).run(now, tokenHash)
}

export function endOwnerSession(tx: Writer, { tokenHash }: OwnerSession): void {
  remove(tx).run(tokenHash)
}

export function endAllOwnerSessions(tx: Writer): void {
  removeAll(tx).run()
}

export function endOtherSessions(tx: Writer, { tokenHash }: OwnerSession): void {
  removeOthers(tx).run(tokenHash)
}
