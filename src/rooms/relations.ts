import { type Position, type Reader, statement } from '../storage/handles.ts'
import { type EventRow, EventStatus, eventColumns, orderOf } from './event-store.ts'
import type { Page } from './history.ts'
import { internalRelation } from './redactions.ts'
import type { RoomView } from './visibility.ts'

export interface RelationsWish {
  readonly roomNid: number
  /** The event that others relate to. */
  readonly parent: string
  /** Undefined: any. */
  readonly relationType: string | undefined
  readonly eventType: string | undefined
  /** 1: only what relates to `parent` itself. */
  readonly depth: number
  readonly backward: boolean
  /** Newest place, inclusive, where `backward`; otherwise the oldest, exclusive. */
  readonly from: Position
  readonly to: Position
  readonly limit: number
}

interface Parameters {
  readonly parent: string
  readonly nid: number
  readonly depth: number
  readonly relationType: string | null
  readonly eventType: string | null
  readonly after: Position
  readonly upTo: Position
  readonly limit: number
}

const query = (order: 'ASC' | 'DESC') => `
  WITH RECURSIVE related (position, event_id, relation_type, depth) AS (
    SELECT r.position, e.event_id, r.relation_type, 1 FROM event_relations r JOIN events e ON e.position = r.position
      WHERE r.target = @parent AND r.room_nid = @nid AND r.relation_type <> '${internalRelation}'
    UNION
    SELECT r.position, e.event_id, r.relation_type, p.depth + 1
      FROM related p JOIN event_relations r ON r.target = p.event_id JOIN events e ON e.position = r.position
      WHERE p.depth < @depth AND r.room_nid = @nid AND r.relation_type <> '${internalRelation}')
  SELECT DISTINCT ${eventColumns} FROM related p JOIN events e ON e.position = p.position
    WHERE e.status = ${EventStatus.accepted} AND (@relationType IS NULL OR p.relation_type = @relationType) AND (@eventType IS NULL OR e.type = @eventType)
      AND e.timeline_order > @after AND e.timeline_order <= @upTo
    ORDER BY e.timeline_order ${order} LIMIT @limit`
const newestFirst = statement<[Parameters], EventRow>(query('DESC'))
const oldestFirst = statement<[Parameters], EventRow>(query('ASC'))

/** Events looked at for one page: one that the viewer sees nothing of must not read a whole thread. */
const maxLooked = 2000

/** A page of the events that relate to another; source: client-server API, "Relationships API". */
export function relationsPage(reader: Reader, view: RoomView, wish: RelationsWish): Page {
  const rows: EventRow[] = []
  let at = wish.from
  for (let looked = 0; looked < maxLooked; ) {
    const batch = wish.limit - rows.length + 1
    const found = read(reader, wish, at, batch)
    for (const row of found) {
      if (rows.length === wish.limit) return { rows, next: at }
      looked += 1
      const order = orderOf(row)
      at = wish.backward ? order - 1 : order
      if (view.maySee(row)) rows.push(row)
    }
    if (found.length < batch) return { rows, next: undefined }
  }
  return { rows, next: at }
}

function read(reader: Reader, wish: RelationsWish, at: Position, limit: number): readonly EventRow[] {
  const { parent, roomNid: nid, depth, backward, relationType = null, eventType = null } = wish
  const [after, upTo] = backward ? [wish.to, at] : [at, wish.to]
  return (backward ? newestFirst : oldestFirst)(reader).all({ parent, nid, depth, relationType, eventType, after, upTo, limit })
}
