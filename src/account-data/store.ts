import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'

/** Stands in `room_nid` for data that belongs to no room. */
const globalScope = 0

export interface AccountDatum {
  /** Undefined: global. */
  readonly roomNid: number | undefined
  readonly type: string
  /** JSON object. */
  readonly content: string
  readonly position: Position
}

interface Row {
  readonly roomNid: number
  readonly type: string
  readonly content: string
  readonly position: Position
}

const columns = 'room_nid AS roomNid, type, content, position'
const one = statement<[string, number, string], Row>(
  `SELECT ${columns} FROM account_data WHERE user_id = ? AND room_nid = ? AND type = ?`,
)
const scope = statement<[string, number], Row>(`SELECT ${columns} FROM account_data WHERE user_id = ? AND room_nid = ?`)
const everything = statement<[string], Row>(`SELECT ${columns} FROM account_data WHERE user_id = ?`)
const changes = statement<[string, Position, Position], Row>(
  `SELECT ${columns} FROM account_data WHERE user_id = ? AND position > ? AND position <= ?`,
)
const countOf = statement<[string, number], number>(
  'SELECT count(*) FROM account_data WHERE user_id = ? AND room_nid = ?',
  'pluck',
)
const put = statement<[string, number, string, Position, string], never>(
  `INSERT INTO account_data (user_id, room_nid, type, position, content) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET position = excluded.position, content = excluded.content`,
)

/** One datum of a user, of a room if `roomNid` is given; undefined: never set. */
export function findAccountData(
  reader: Reader,
  userId: string,
  roomNid: number | undefined,
  type: string,
): AccountDatum | undefined {
  const row = one(reader).get(userId, roomNid ?? globalScope, type)
  return row && datum(row)
}

/** The global account data of a user, its content parsed; undefined: never set. */
export function accountDataOf(reader: Reader, userId: string, type: string): Readonly<Record<string, unknown>> | undefined {
  const found = findAccountData(reader, userId, undefined, type)
  return found && JSON.parse(found.content)
}

/** The same for one room. */
export function roomAccountDataOf(
  reader: Reader,
  userId: string,
  roomNid: number,
  type: string,
): Readonly<Record<string, unknown>> | undefined {
  const found = findAccountData(reader, userId, roomNid, type)
  return found && JSON.parse(found.content)
}

/** Everything a user has in one room. */
export function listRoomAccountData(reader: Reader, userId: string, roomNid: number): readonly AccountDatum[] {
  return scope(reader).all(userId, roomNid).map(datum)
}

/** Everything a user has, globally and in all rooms. */
export function listAccountData(reader: Reader, userId: string): readonly AccountDatum[] {
  return everything(reader).all(userId).map(datum)
}

/** What a user changed after `from` and up to `to`, in all rooms and globally. */
export function changedAccountData(reader: Reader, userId: string, from: Position, to: Position): readonly AccountDatum[] {
  return changes(reader).all(userId, from, to).map(datum)
}

export function countAccountData(reader: Reader, userId: string, roomNid: number | undefined): number {
  return countOf(reader).get(userId, roomNid ?? globalScope) ?? 0
}

/** Sets account data, global if `roomNid` is undefined, and wakes the user's clients. */
export function setAccountData(
  tx: Writer,
  userId: string,
  roomNid: number | undefined,
  type: string,
  content: Readonly<Record<string, unknown>>,
): void {
  put(tx).run(userId, roomNid ?? globalScope, type, tx.nextPosition(), JSON.stringify(content))
  tx.wake(`user/${userId}`)
}

function datum(row: Row): AccountDatum {
  return { ...row, roomNid: row.roomNid === globalScope ? undefined : row.roomNid }
}
