import type { UserId } from '../../matrix/identifiers.ts'
import type { Milliseconds } from '../../platform/clock.ts'
import { type Reader, statement, type Writer } from '../../storage/handles.ts'
import type { Farewell } from './farewell.ts'
import type { Role, RoomName } from './roles.ts'

/** Somebody of the practice. */
export interface Person {
  readonly userId: UserId
  readonly name: string
  readonly role: Role
  readonly rooms: readonly RoomName[]
  readonly addedAt: Milliseconds
  /** Null: still here. */
  readonly leftAt: Milliseconds | null
  readonly farewell: Farewell | null
}

type Row = Omit<Person, 'rooms' | 'farewell'> & { readonly rooms: string; readonly farewell: string | null }

const columns = 'user_id AS userId, name, role, rooms, added_at AS addedAt, left_at AS leftAt, farewell'
const byId = statement<[string], Row>(`SELECT ${columns} FROM staff WHERE user_id = ?`)
const every = statement<[], Row>(`SELECT ${columns} FROM staff ORDER BY left_at IS NOT NULL, name COLLATE NOCASE`)
const insert = statement<[string, string, string, string, Milliseconds], never>(
  'INSERT INTO staff (user_id, name, role, rooms, added_at, left_at, farewell) VALUES (?, ?, ?, ?, ?, NULL, NULL)',
)
const update = statement<[string, string, string, string], never>(
  'UPDATE staff SET name = ?, role = ?, rooms = ? WHERE user_id = ? AND left_at IS NULL',
)
const markLeft = statement<[Milliseconds, string, string], never>('UPDATE staff SET left_at = ?, farewell = ? WHERE user_id = ?')

export function findPerson(reader: Reader, userId: string): Person | undefined {
  const row = byId(reader).get(userId)
  return row && personOf(row)
}

/** Those who are here first, by name. */
export function allStaff(reader: Reader): readonly Person[] {
  return every(reader).all().map(personOf)
}

export function insertPerson(tx: Writer, person: Pick<Person, 'userId' | 'name' | 'role' | 'rooms' | 'addedAt'>): void {
  insert(tx).run(person.userId, person.name, person.role, JSON.stringify(person.rooms), person.addedAt)
}

export function updatePerson(tx: Writer, person: Pick<Person, 'userId' | 'name' | 'role' | 'rooms'>): void {
  update(tx).run(person.name, person.role, JSON.stringify(person.rooms), person.userId)
}

export function markPersonLeft(tx: Writer, userId: UserId, farewell: Farewell): void {
  markLeft(tx).run(farewell.at, JSON.stringify(farewell), userId)
}

function personOf(row: Row): Person {
  return {
    ...row,
    rooms: JSON.parse(row.rooms) as RoomName[],
    farewell: row.farewell === null ? null : (JSON.parse(row.farewell) as Farewell),
  }
}
