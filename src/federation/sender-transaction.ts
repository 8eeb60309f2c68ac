import { createHash } from 'node:crypto'
import { parseJson } from '../matrix/canonical-json.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { JsonObject, JsonValue } from '../matrix/json.ts'
import type { Position, Reader } from '../storage/handles.ts'
import type { Tried } from './destinations.ts'
import { type Edu, type WaitingEdu, waitingEdus, waitingPdus } from './outbox.ts'

/** The event at a position, as JSON text; undefined: it is no longer there. */
export type LoadPdu = (reader: Reader, position: Position) => string | undefined

/** Rows that go together. */
export interface Transaction {
  /** The same for the same rows, so that an attempt that arrived, though its answer did not, is known when it comes again. */
  readonly id: string
  readonly positions: readonly Position[]
  readonly pdus: readonly string[]
  readonly edus: readonly WaitingEdu[]
  /** What is in no table. */
  readonly extra: readonly Edu[]
}

export interface Bounds {
  readonly pdus: number
  readonly edus: number
  /** Nothing beyond; undefined: all that waits. */
  readonly upTo: Tried | undefined
}

/** What one transaction may hold; source: server-server API, "Transactions". */
export const full: Bounds = { pdus: 50, edus: 100, upTo: undefined }
/** Characters of a transaction of more than one row: proxies that nobody configured take a megabyte. */
const maxCharacters = 768 * 1024

/**
 * What is to go next to a server, events before the rest, oldest first; `extra` fills the room that is left. Undefined: nothing waits.
 * Reads no more than it takes.
 */
export function nextTransaction(
  reader: Reader,
  server: ServerName,
  loadPdu: LoadPdu,
  bounds: Bounds,
  extra: Iterable<Edu>,
): Transaction | undefined {
  let left = maxCharacters
  const positions: Position[] = []
  const pdus: string[] = []
  for (const position of waitingPdus(
    reader,
    server,
    bounds.upTo ? (bounds.upTo.pdu ?? 0) : Number.MAX_SAFE_INTEGER,
    bounds.pdus,
  )) {
    const text = loadPdu(reader, position)
    if (text !== undefined && text.length > left && pdus.length > 0) break
    positions.push(position)
    if (text !== undefined) pdus.push(text)
    left -= text?.length ?? 0
  }
  const edus: WaitingEdu[] = []
  for (const edu of waitingEdus(reader, server, bounds.upTo ? (bounds.upTo.edu ?? 0) : Number.MAX_SAFE_INTEGER, bounds.edus)) {
    if (edu.content.length > left && pdus.length + edus.length > 0) break
    edus.push(edu)
    left -= edu.content.length
  }
  const added = [...extra].slice(0, bounds.edus - edus.length)
  if (positions.length + edus.length + added.length === 0) return undefined
  return { id: idOf(positions, edus, added), positions, pdus, edus, extra: added }
}

/** Where rows wait, they alone make the id: what goes along with them once is not sent again. */
function idOf(positions: readonly Position[], edus: readonly WaitingEdu[], extra: readonly Edu[]): string {
  const rows = positions.length + edus.length > 0
  const parts = rows ? [positions, edus.map(({ id }) => id)] : extra.map(({ name, content }) => [name, content])
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 24)
}

export function rowsOf({ positions, edus }: Transaction): number {
  return positions.length + edus.length
}

/** The last rows, by which the next attempt finds the same ones. */
export function lastRows({ positions, edus }: Transaction): Tried {
  return { pdu: positions.at(-1) ?? null, edu: edus.at(-1)?.id ?? null }
}

/** `unreadable` hears of EDUs that have no JSON that every server reads: clients can send such. They are left out. */
export function contentOf(
  { pdus, edus, extra }: Transaction,
  origin: ServerName,
  now: number,
  unreadable: (edu: WaitingEdu, problem: string) => void,
): JsonObject {
  const waiting = edus.flatMap((edu): JsonObject[] => {
    const content = parseJson(edu.content, 'lenient')
    if ('value' in content) return [{ edu_type: edu.type, content: content.value }]
    unreadable(edu, content.problem)
    return []
  })
  const all = [...waiting, ...extra.map(({ type, content }) => ({ edu_type: type, content }))]
  return { origin, origin_server_ts: now, pdus: pdus.map(exact), ...(all.length > 0 && { edus: all }) }
}

/** Events keep their numbers as they were written: they are part of the hash. */
function exact(text: string): JsonValue {
  const read = parseJson(text, 'lenient')
  if ('problem' in read) throw new Error(`an event of this server cannot be read: ${read.problem}`)
  return read.value
}
