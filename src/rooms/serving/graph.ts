import type { EventId } from '../../matrix/identifiers.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { Reader } from '../../storage/handles.ts'
import { type EventRow, EventStatus, findEvent, pduAt, versionOf } from '../event-store.ts'
import type { Room } from '../members.ts'

/** Rejected events are walked through, but not for ever. */
const maxWalkFactor = 10

interface Node {
  readonly row: EventRow
  readonly pdu: Pdu
}

/** An event of the room whose place in the graph is known. */
function nodeOf(reader: Reader, room: Room, id: string): Node | undefined {
  const row = findEvent(reader, id)
  if (row?.roomNid !== room.nid || (row.status & EventStatus.outlier) !== 0) return undefined
  return { row, pdu: pduAt(reader, row.position, versionOf(room)) }
}

function isRejected({ row }: Node): boolean {
  return (row.status & EventStatus.rejected) !== 0
}

/** Events and what came before them, the deepest first. Source: server-server API, GET /backfill. */
export function eventsUpTo(reader: Reader, room: Room, from: readonly string[], limit: number): readonly EventRow[] {
  const found: EventRow[] = []
  const seen = new Set<string>()
  const open: Node[] = []

  function add(id: string): void {
    if (seen.has(id)) return
    seen.add(id)
    const node = nodeOf(reader, room, id)
    if (node) open.push(node)
  }

  for (const id of from) add(id)
  for (let walked = 0; found.length < limit && walked < limit * maxWalkFactor; walked += 1) {
    const deepest = takeDeepest(open)
    if (!deepest) break
    if (!isRejected(deepest)) found.push(deepest.row)
    for (const id of deepest.pdu.prevEvents) add(id)
  }
  return found
}

/** The graph is narrow, so there are never many to choose from. */
function takeDeepest(open: Node[]): Node | undefined {
  let best = 0
  for (const [index, node] of open.entries()) if (isDeeper(node, open[best])) best = index
  return open.splice(best, 1)[0]
}

function isDeeper(one: Node, other: Node | undefined): boolean {
  if (!other || one.pdu.depth !== other.pdu.depth) return !other || one.pdu.depth > other.pdu.depth
  return one.row.position > other.row.position
}

/**
 * What lies before `latest`, level by level, without `earliest` and what lies before those; oldest first.
 * Source: server-server API, POST /get_missing_events.
 */
export function eventsBetween(
  reader: Reader,
  room: Room,
  wish: {
    readonly earliest: readonly string[]
    readonly latest: readonly string[]
    readonly minDepth: number
    readonly limit: number
  },
): readonly EventRow[] {
  const found: Node[] = []
  const seen = new Set<string>([...wish.earliest, ...wish.latest])
  let level = wish.latest
    .filter((id) => !wish.earliest.includes(id))
    .flatMap((id) => nodeOf(reader, room, id)?.pdu.prevEvents ?? [])
  let walked = 0
  while (level.length > 0) {
    const next: EventId[] = []
    for (const id of level) {
      if (seen.has(id)) continue
      seen.add(id)
      if (found.length === wish.limit || walked === wish.limit * maxWalkFactor) return inOrder(found)
      walked += 1
      const node = nodeOf(reader, room, id)
      if (!node || node.pdu.depth < wish.minDepth) continue
      if (!isRejected(node)) found.push(node)
      next.push(...node.pdu.prevEvents)
    }
    level = next
  }
  return inOrder(found)
}

function inOrder(nodes: readonly Node[]): readonly EventRow[] {
  return nodes
    .toSorted((one, other) => one.pdu.depth - other.pdu.depth || one.row.position - other.row.position)
    .map(({ row }) => row)
}
