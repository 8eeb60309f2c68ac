import { createHash } from 'node:crypto'
import type { UserId } from '../../matrix/identifiers.ts'
import type { Milliseconds } from '../../platform/clock.ts'
import { type Random, randomSecret } from '../../platform/random.ts'
import { type Reader, statement, type Writer } from '../../storage/handles.ts'

/** How long a link may be used. */
const linkLifetime: Milliseconds = 24 * 3_600_000

interface Link {
  readonly userId: UserId
  readonly expiresAt: Milliseconds
  readonly usedAt: Milliseconds | null
}

const columns = 'user_id AS userId, expires_at AS expiresAt, used_at AS usedAt'
const byHash = statement<[string], Link>(`SELECT ${columns} FROM staff_links WHERE token_hash = ?`)
const byUser = statement<[string], Link>(`SELECT ${columns} FROM staff_links WHERE user_id = ?`)
const insert = statement<[string, string, Milliseconds], never>(
  'INSERT INTO staff_links (token_hash, user_id, expires_at, used_at) VALUES (?, ?, ?, NULL)',
)
const removeOf = statement<[string], never>('DELETE FROM staff_links WHERE user_id = ?')
const removeAll = statement<[], never>('DELETE FROM staff_links')
const markUsed = statement<[Milliseconds, string], never>(
  'UPDATE staff_links SET used_at = ? WHERE token_hash = ? AND used_at IS NULL',
)

const hashOf = (token: string) => createHash('sha256').update(token).digest('base64url')

/** A new link for a person; the one before is void. Only its hash is kept. */
export function makeLink(tx: Writer, random: Random, userId: UserId, now: Milliseconds): string {
  removeOf(tx).run(userId)
  const token = randomSecret(random)
  insert(tx).run(hashOf(token), userId, now + linkLifetime)
  return token
}

/** Whose link it is; `void`: it was used, is too old, or never was. */
export function readLink(reader: Reader, token: string, now: Milliseconds): UserId | 'void' {
  const link = byHash(reader).get(hashOf(token))
  const alive = link && link.usedAt === null && now < link.expiresAt && link.expiresAt - now <= linkLifetime
  return alive ? link.userId : 'void'
}

/** False: somebody used it a moment ago. */
export function useLink(tx: Writer, token: string, now: Milliseconds): boolean {
  return readLink(tx, token, now) !== 'void' && markUsed(tx).run(now, hashOf(token)).changes === 1
}

/** Whether a person has still to use a link, or did. */
export function linkStateOf(reader: Reader, userId: UserId, now: Milliseconds): 'none' | 'waiting' | 'expired' | 'used' {
  const link = byUser(reader).get(userId)
  if (!link) return 'none'
  if (link.usedAt !== null) return 'used'
  return now < link.expiresAt ? 'waiting' : 'expired'
}

export function forgetAllLinks(tx: Writer): void {
  removeAll(tx).run()
}

export function forgetLinks(tx: Writer, userId: UserId): void {
  removeOf(tx).run(userId)
}
