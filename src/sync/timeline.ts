import { eventPasses, roomPasses } from '../rooms/event-filter.ts'
import { type EventRow, orderOf } from '../rooms/event-store.ts'
import { gapsOf } from '../rooms/heads.ts'
import type { Room } from '../rooms/members.ts'
import type { RoomEventFilter } from '../rooms/sync-stream.ts'
import { eventsBefore } from '../rooms/timeline.ts'
import type { RoomView } from '../rooms/visibility.ts'
import type { Position, Reader } from '../storage/handles.ts'

export interface Timeline {
  /** Oldest first. */
  readonly rows: readonly EventRow[]
  /** There are more between the last sync and the first of `rows`. */
  readonly limited: boolean
  /** The place before the first of `rows`. */
  readonly start: Position
}

const defaultLimit = 10
const maxLimit = 500
/** Events looked at for one room: a filter that lets nothing through must not read the whole room. */
const maxLooked = 2000

/** The newest events of a room after `from` and up to `to` that pass the filter, as far back as the viewer may see without a gap. */
export function readTimeline(
  reader: Reader,
  room: Room,
  from: Position,
  to: Position,
  filter: RoomEventFilter | undefined,
  sightOf: (row: EventRow) => Sight,
): Timeline {
  const limit = Math.min(filter?.limit ?? defaultLimit, maxLimit)
  const rows: EventRow[] = []
  if (!roomPasses(filter, room.roomId)) return { rows, limited: false, start: to }
  let at = to
  let begun = false
  const gaps = gapsOf(reader, room.nid)
  for (let looked = 0; looked < maxLooked; ) {
    const batch = limit - rows.length + 1
    const found = eventsBefore(reader, room.nid, at, from, batch)
    for (const row of found) {
      looked += 1
      const sight = sightOf(row)
      // Hidden state in the middle would be in neither the timeline nor the state before it.
      if (sight === 'hidden' && begun) return { rows: rows.reverse(), limited: true, start: at }
      if (sight === 'hidden' || sight === 'skipped' || !eventPasses(filter, row)) {
        at = orderOf(row) - 1
        continue
      }
      if (rows.length === limit) return { rows: rows.reverse(), limited: true, start: at }
      rows.push(row)
      begun ||= sight === 'shown'
      at = orderOf(row) - 1
      // What is missing here other servers have: the client asks for it as for anything else that was left out.
      if (gaps.has(row.position)) return { rows: rows.reverse(), limited: true, start: at }
    }
    if (found.length < batch) return { rows: rows.reverse(), limited: false, start: at }
  }
  return { rows: rows.reverse(), limited: true, start: at }
}

/** `skipped`: the viewer may see it, but does not want to. `told`: the viewer is not in the room at it, but must learn of it. */
export type Sight = 'shown' | 'told' | 'skipped' | 'hidden'

/** How an event looks to a member whose view is `view`: of ignored people there is only state, which all clients need. */
export function sightThrough(view: RoomView | undefined, ignored: ReadonlySet<string>): (row: EventRow) => Sight {
  return (row) => {
    if (view !== undefined && !view.maySee(row)) return 'hidden'
    return row.stateKey === null && ignored.has(row.sender) ? 'skipped' : 'shown'
  }
}
