import type { Database, Statement } from 'better-sqlite3'

/**
 * The one clock: numbers every change that anybody can observe, grows only, and is never given twice,
 * not even after a restart. A sync token is one position.
 */
export type Position = number

/** Reads a consistent snapshot of everything that is on disk for certain. Use it within one synchronous block. */
export interface Reader {
  readonly raw: Database
  /** The highest position whose changes this handle sees. */
  readonly position: Position
}

/** Only `storage.write` makes one, so a stray write does not type-check. Sees its own changes. */
export interface Writer extends Reader {
  readonly writable: true
  /** What readers see meanwhile: for those who keep something in memory for each of the two. */
  readonly snapshot: Reader
  /** Takes the next position; `skip`: so many before it are left free, for what belongs before it and comes later. */
  nextPosition(skip?: number): Position
  /** Wakes those who wait for `key` once this write is on disk. */
  wake(key: WakeKey): void
  /** Runs once this write is on disk and visible to readers, before anybody is answered. */
  whenVisible(action: () => void): void
  /** Runs if this write is undone: caches filled from it must forget. */
  whenUndone(action: () => void): void
}

export type WakeKey = `user/${string}` | `room/${number}`

/** SQL prepared once for each connection: `const text = statement<[number], string>('SELECT json …', 'pluck')`, then `text(reader).get(1)`. */
export function statement<Parameters extends unknown[], Row>(
  sql: string,
  mode?: 'pluck',
): (handle: Reader) => Statement<Parameters, Row> {
  const queries = new WeakMap<Database, Statement<Parameters, Row>>()
  return ({ raw }) => {
    let query = queries.get(raw)
    if (query === undefined) {
      query = raw.prepare<Parameters, Row>(sql)
      if (mode === 'pluck') query.pluck()
      queries.set(raw, query)
    }
    return query
  }
}
