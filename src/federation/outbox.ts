import type { ServerName } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
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

const insertPdu = statement<[ServerName, Position, number], never>(
  'INSERT INTO outgoing_pdus (destination, position, room) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
)
const insertEdu = statement<[ServerName, string, string | null, string], never>(
  'INSERT INTO outgoing_edus (destination, type, name, content) VALUES (?, ?, ?, ?)',
)
const dropNamed = statement<[ServerName, string], never>('DELETE FROM outgoing_edus WHERE destination = ? AND name = ?')
const pdus = statement<[ServerName, number], Position>(
  'SELECT position FROM outgoing_pdus WHERE destination = ? ORDER BY position LIMIT ?',
  'pluck',
)
const edus = statement<[ServerName, number], { id: number; type: string; content: string }>(
  'SELECT id, type, content FROM outgoing_edus WHERE destination = ? ORDER BY id LIMIT ?',
)
const dropPdus = statement<[ServerName, Position], never>('DELETE FROM outgoing_pdus WHERE destination = ? AND position <= ?')
const dropEdus = statement<[ServerName, number], never>('DELETE FROM outgoing_edus WHERE destination = ? AND id <= ?')
const countPdus = statement<[ServerName], number>('SELECT count(*) FROM outgoing_pdus WHERE destination = ?', 'pluck')
const countEdus = statement<[ServerName], number>('SELECT count(*) FROM outgoing_edus WHERE destination = ?', 'pluck')
const dropOlder = statement<[{ destination: ServerName }], never>(
  `DELETE FROM outgoing_pdus WHERE destination = :destination AND position NOT IN
     (SELECT max(position) FROM outgoing_pdus WHERE destination = :destination GROUP BY room)`,
)
const waiting = statement<[], ServerName>(
  'SELECT destination FROM outgoing_pdus UNION SELECT destination FROM outgoing_edus',
  'pluck',
)

export function insertPdus(tx: Writer, destinations: Iterable<ServerName>, position: Position, room: number): void {
  for (const destination of destinations) insertPdu(tx).run(destination, position, room)
}

export function insertEdus(tx: Writer, destinations: Iterable<ServerName>, { type, content, name }: Edu): void {
  const text = JSON.stringify(content)
  for (const destination of destinations) {
    if (name !== undefined) dropNamed(tx).run(destination, name)
    insertEdu(tx).run(destination, type, name ?? null, text)
  }
}

export interface Waiting {
  readonly pdus: readonly Position[]
  readonly edus: readonly { readonly id: number; readonly type: string; readonly content: string }[]
}

/** What is to go next, oldest first. */
export function nextWaiting(reader: Reader, destination: ServerName, maxPdus: number, maxEdus: number): Waiting {
  return { pdus: pdus(reader).all(destination, maxPdus), edus: edus(reader).all(destination, maxEdus) }
}

export function dropSent(tx: Writer, destination: ServerName, sent: Waiting): void {
  const [pdu, edu] = [sent.pdus.at(-1), sent.edus.at(-1)]
  if (pdu !== undefined) dropPdus(tx).run(destination, pdu)
  if (edu !== undefined) dropEdus(tx).run(destination, edu.id)
}

/** Of the events that wait the newest of each room: the other server fetches those before it. */
export function keepNewest(tx: Writer, destination: ServerName): void {
  dropOlder(tx).run({ destination })
}

export function countWaiting(reader: Reader, destination: ServerName): { readonly pdus: number; readonly edus: number } {
  return { pdus: countPdus(reader).get(destination) ?? 0, edus: countEdus(reader).get(destination) ?? 0 }
}

export function waitingDestinations(reader: Reader): readonly ServerName[] {
  return waiting(reader).all()
}
