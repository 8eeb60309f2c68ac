import type { ServerName } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Milliseconds } from '../platform/clock.ts'
import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'

/**
 * What waits to be sent to other servers: rows that are written in the same change as their cause, and go when the other server has taken
 * them. A restart loses nothing: the table is the queue.
 */
export interface Edu {
  readonly type: string
  readonly content: JsonObject
  /** A newer one of the same name takes the place of one that still waits. */
  readonly name?: string
}

/** A row of `outgoing_edus`; `content`: JSON. */
export interface WaitingEdu {
  readonly id: number
  readonly type: string
  readonly content: string
}

/** What is old news after a while, by type; everything else is kept until it has been taken. Source: server-server API, "EDUs". */
const lifetimes: readonly (readonly [type: string, lifetime: Milliseconds])[] = [
  ['m.typing', 60_000],
  ['m.presence', 5 * 60_000],
  ['m.receipt', 24 * 3_600_000],
]

const insertPdu = statement<[ServerName, Position, number], never>(
  'INSERT INTO outgoing_pdus (destination, position, room) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
)
const insertEdu = statement<[ServerName, string, string | null, string, Milliseconds], never>(
  'INSERT INTO outgoing_edus (destination, type, name, content, queued_at) VALUES (?, ?, ?, ?, ?)',
)
const dropNamed = statement<[ServerName, string], never>('DELETE FROM outgoing_edus WHERE destination = ? AND name = ?')
const pdus = statement<[ServerName, Position, number], Position>(
  'SELECT position FROM outgoing_pdus WHERE destination = ? AND position <= ? ORDER BY position LIMIT ?',
  'pluck',
)
const edus = statement<[ServerName, number, number], WaitingEdu>(
  'SELECT id, type, content FROM outgoing_edus WHERE destination = ? AND id <= ? ORDER BY id LIMIT ?',
)
const dropPdu = statement<[ServerName, Position], never>('DELETE FROM outgoing_pdus WHERE destination = ? AND position = ?')
const dropEdu = statement<[number], never>('DELETE FROM outgoing_edus WHERE id = ?')
const countPdus = statement<[ServerName], number>('SELECT count(*) FROM outgoing_pdus WHERE destination = ?', 'pluck')
const countEdus = statement<[ServerName], number>('SELECT count(*) FROM outgoing_edus WHERE destination = ?', 'pluck')
const dropOlder = statement<[{ destination: ServerName }], never>(
  `DELETE FROM outgoing_pdus WHERE destination = :destination AND position NOT IN
     (SELECT max(position) FROM outgoing_pdus WHERE destination = :destination GROUP BY room)`,
)
const dropOld = statement<[ServerName, string, Milliseconds], never>(
  'DELETE FROM outgoing_edus WHERE destination = ? AND type = ? AND queued_at < ?',
)
// One step in the index for each server, however much waits for it.
const each = (table: string) => `${table}(server) AS (SELECT min(destination) FROM outgoing_${table} UNION ALL
  SELECT (SELECT min(destination) FROM outgoing_${table} WHERE destination > server) FROM ${table} WHERE server IS NOT NULL)`
const waiting = statement<[], ServerName>(
  `WITH RECURSIVE ${each('pdus')}, ${each('edus')}
   SELECT server FROM pdus WHERE server IS NOT NULL UNION SELECT server FROM edus WHERE server IS NOT NULL`,
  'pluck',
)

export function insertPdus(tx: Writer, destinations: Iterable<ServerName>, position: Position, room: number): void {
  const query = insertPdu(tx)
  for (const destination of destinations) query.run(destination, position, room)
}

export function insertEdus(
  tx: Writer,
  destinations: Iterable<ServerName>,
  { type, content, name }: Edu,
  now: Milliseconds,
): void {
  const text = JSON.stringify(content)
  for (const destination of destinations) {
    if (name !== undefined) dropNamed(tx).run(destination, name)
    insertEdu(tx).run(destination, type, name ?? null, text, now)
  }
}

/** What waits for a server up to a position, oldest first. */
export function waitingPdus(reader: Reader, destination: ServerName, upTo: Position, most: number): readonly Position[] {
  return pdus(reader).all(destination, upTo, most)
}

/** What waits for a server up to a row, oldest first. Read no further than there is room for it. */
export function waitingEdus(reader: Reader, destination: ServerName, upTo: number, most: number): IterableIterator<WaitingEdu> {
  return edus(reader).iterate(destination, upTo, most)
}

export function dropRows(tx: Writer, destination: ServerName, positions: readonly Position[], eduIds: readonly number[]): void {
  for (const position of positions) dropPdu(tx).run(destination, position)
  for (const id of eduIds) dropEdu(tx).run(id)
}

/** Of the events that wait the newest of each room: the other server fetches those before it. */
export function keepNewest(tx: Writer, destination: ServerName): void {
  dropOlder(tx).run({ destination })
}

/** Drops what nobody wants to hear any more. */
export function dropOutdated(tx: Writer, destination: ServerName, now: Milliseconds): void {
  for (const [type, lifetime] of lifetimes) dropOld(tx).run(destination, type, now - lifetime)
}

export function countWaiting(reader: Reader, destination: ServerName): { readonly pdus: number; readonly edus: number } {
  return { pdus: countPdus(reader).get(destination) ?? 0, edus: countEdus(reader).get(destination) ?? 0 }
}

export function waitingDestinations(reader: Reader): readonly ServerName[] {
  return waiting(reader).all()
}
