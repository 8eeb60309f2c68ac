import type { Database } from 'better-sqlite3'
import { isObject } from '../matrix/json.ts'
import type { Position, Reader } from '../storage/handles.ts'
import { findAccountData } from './store.ts'

interface Known {
  readonly position: Position
  readonly users: ReadonlySet<string>
}

const nobody: ReadonlySet<string> = new Set()
const maxKnown = 1000

/** Parsed lists for each connection, by user; the position of the row says whether they are still true. */
const knownLists = new WeakMap<Database, Map<string, Known>>()

/** Whom a user ignores; source: client-server API, "Ignoring Users". */
export function ignoredUsersOf(reader: Reader, userId: string): ReadonlySet<string> {
  const row = findAccountData(reader, userId, undefined, 'm.ignored_user_list')
  if (!row) return nobody
  // A writer may still take back what it reads.
  if ('writable' in reader) return parse(row.content)
  const known = listsOf(reader.raw)
  const found = known.get(userId)
  if (found?.position === row.position) return found.users
  const users = parse(row.content)
  known.delete(userId)
  known.set(userId, { position: row.position, users })
  const oldest = known.size > maxKnown ? known.keys().next().value : undefined
  if (oldest !== undefined) known.delete(oldest)
  return users
}

function listsOf(database: Database): Map<string, Known> {
  let lists = knownLists.get(database)
  if (!lists) {
    lists = new Map()
    knownLists.set(database, lists)
  }
  return lists
}

function parse(content: string): ReadonlySet<string> {
  const { ignored_users: ignored } = JSON.parse(content)
  return isObject(ignored) ? new Set(Object.keys(ignored)) : nobody
}
