import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

/** Wrong tries before nobody may try any more, and for how long. */
const maxWrong = 5
const lockTime: Milliseconds = 10 * 60_000

type Tries = { readonly count: number; readonly lastAt: Milliseconds }

const find = statement<[string], Tries>('SELECT count, last_at AS lastAt FROM wrong_tries WHERE subject = ?')
const put = statement<[string, number, Milliseconds], never>(
  'INSERT INTO wrong_tries (subject, count, last_at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = excluded.count, last_at = excluded.last_at',
)
const remove = statement<[string], never>('DELETE FROM wrong_tries WHERE subject = ?')
const removeOld = statement<[Milliseconds, Milliseconds], never>('DELETE FROM wrong_tries WHERE last_at < ? OR last_at > ?')

/** How long nobody may try yet; 0: now. A clock that was set back locks nobody out for longer. */
export function lockedFor(reader: Reader, subject: string, now: Milliseconds): Milliseconds {
  const tries = find(reader).get(subject)
  if (!tries || tries.count < maxWrong) return 0
  return Math.min(lockTime, Math.max(0, tries.lastAt + lockTime - now))
}

/**
 * Counts a try before it is looked at, so that many at once are not more than those that are allowed. False: it is locked, and nothing
 * may be looked at. `forgetTries` takes the count back when the try was right.
 */
export function countTry(tx: Writer, subject: string, now: Milliseconds): boolean {
  if (lockedFor(tx, subject, now) > 0) return false
  removeOld(tx).run(now - lockTime, now + lockTime)
  put(tx).run(subject, (find(tx).get(subject)?.count ?? 0) + 1, now)
  return true
}

export function forgetTries(tx: Writer, subject: string): void {
  remove(tx).run(subject)
}
