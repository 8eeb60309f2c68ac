import type { Database, Statement } from 'better-sqlite3'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'

/**
 * The one clock: numbers every change that anybody can observe, grows only, and is never given twice,
 * not even after a restart. A sync token is one position.
 */
export type Position = number

/** Reads a consistent snapshot of everything that is on disk for certain. Use it within one synchronous block. */
export interface Reader {
  readonly raw: Database
  readonly db: BetterSQLite3Database
  /** The highest position whose changes this handle sees. */
  readonly position: Position
}

/** Only `storage.write` makes one, so a stray write does not type-check. Sees its own changes. */
export interface Writer extends Reader {
  readonly writable: true
  /** What readers see meanwhile: for those who keep something in memory for each of the two. */
  readonly snapshot: Reader
  /** Takes the next position. */
  nextPosition(): Position
  /** Wakes those who wait for `key` once this write is on disk. */
  wake(key: WakeKey): void
  /** Runs once this write is on disk and visible to readers, before anybody is answered. */
  whenVisible(action: () => void): void
  /** Runs if this write is undone: caches filled from it must forget. */
  whenUndone(action: () => void): void
}

export type WakeKey = `user/${string}` | `room/${number}`

/** A drizzle query prepared once for each connection: `const byId = prepared((db) => db.select()….prepare())`, then `byId(reader).get({ id })`. */
export function prepared<Query>(build: (db: BetterSQLite3Database) => Query): (handle: Reader) => Query {
  return memoized((handle) => build(handle.db))
}

/** The same for SQL text, for hot paths: `const text = statement<[number], string>('SELECT json …', 'pluck')`. */
export function statement<Parameters extends unknown[], Row>(
  sql: string,
  mode?: 'pluck',
): (handle: Reader) => Statement<Parameters, Row> {
  return memoized((handle) => {
    const query = handle.raw.prepare<Parameters, Row>(sql)
    return mode === 'pluck' ? query.pluck() : query
  })
}

function memoized<Query>(build: (handle: Reader) => Query): (handle: Reader) => Query {
  const queries = new WeakMap<Database, Query>()
  return (handle) => {
    let query = queries.get(handle.raw)
    if (query === undefined) {
      query = build(handle)
      queries.set(handle.raw, query)
    }
    return query
  }
}
