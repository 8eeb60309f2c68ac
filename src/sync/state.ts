import { rootAfter } from '../rooms/access.ts'
import { eventPasses, roomPasses } from '../rooms/event-filter.ts'
import { type EventRow, eventAt, orderOf } from '../rooms/event-store.ts'
import type { Room } from '../rooms/members.ts'
import { entryAt } from '../rooms/state.ts'
import { emptyState, type Root, stateChanges } from '../rooms/state-snapshots.ts'
import type { RoomEventFilter } from '../rooms/sync-stream.ts'
import type { Position, Reader } from '../storage/handles.ts'
import type { Timeline } from './timeline.ts'

export interface StateWish {
  /** 0: the client knows nothing of the room. */
  readonly from: Position
  readonly to: Position
  /** `state_after`: up to the end of the timeline instead of its beginning. */
  readonly after: boolean
  readonly filter: RoomEventFilter | undefined
  readonly lazy: boolean
  readonly userId: string
}

/** The state that the client does not know yet, without what a lazily loading client does not need. */
export function readState(reader: Reader, room: Room, timeline: Timeline, wish: StateWish): readonly EventRow[] {
  if (!roomPasses(wish.filter, room.roomId)) return []
  const end = rootAfter(reader, room, wish.to)
  const target = wish.after ? end : (timeline.rows[0]?.stateRoot ?? end)
  const known: Root = wish.from === 0 ? emptyState : rootAfter(reader, room, wish.from)
  const rows = [...stateChanges(reader, known, target)].map((position) => eventAt(reader, position))
  // Where the graph has forks, what holds at the end need not follow from the timeline.
  for (const position of target === end ? [] : stateChanges(reader, target, end)) {
    const row = eventAt(reader, position)
    if (orderOf(row) <= timeline.start) rows.push(row)
  }
  const inTimeline = new Set(wish.after ? [] : timeline.rows.map((row) => row.position))
  const wanted = rows.filter((row) => !inTimeline.has(row.position) && eventPasses(wish.filter, row))
  if (!wish.lazy) return wanted
  const needed = neededMembers(timeline, wish.userId)
  return wanted.filter((row) => row.type !== 'm.room.member' || needed.has(row.stateKey ?? ''))
}

function neededMembers(timeline: Timeline, userId: string): Set<string> {
  return new Set<string>([userId, ...timeline.rows.map((row) => row.sender)])
}

/** Member events of those who sent the timeline, for a lazily loading client; `present` are in the answer anyway. */
export function lazyMembers(
  reader: Reader,
  room: Room,
  timeline: Timeline,
  to: Position,
  present: ReadonlySet<Position>,
): EventRow[] {
  const first = timeline.rows[0]
  if (!first) return []
  const members: EventRow[] = []
  for (const sender of new Set(timeline.rows.map((row) => row.sender))) {
    const position =
      entryAt(reader, first.stateRoot, 'm.room.member', sender) ??
      entryAt(reader, rootAfter(reader, room, to), 'm.room.member', sender)
    if (position !== undefined && !present.has(position)) members.push(eventAt(reader, position))
  }
  return members
}
