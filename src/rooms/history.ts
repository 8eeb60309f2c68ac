import type { Position, Reader } from '../storage/handles.ts'
import { clientEvent, type EventViewer, type Rendering } from './client-event.ts'
import { eventPasses } from './event-filter.ts'
import { type EventRow, eventAt, orderOf } from './event-store.ts'
import type { Member, Room } from './members.ts'
import { currentEntry, entryAt } from './state.ts'
import type { RoomEventFilter } from './sync-stream.ts'
import { eventsAfter, eventsBefore } from './timeline.ts'
import { type RoomView, roomView } from './visibility.ts'

export interface Page {
  readonly rows: readonly EventRow[]
  /** Where the next page begins; undefined: there is none. */
  readonly next: Position | undefined
}

/** Events looked at for one page: a filter that lets nothing through must not read the whole room. */
const maxLooked = 2000

/** A page of a room's timeline as one user sees it; source: client-server API, "messages". */
export function readPage(
  reader: Reader,
  room: Room,
  view: RoomView,
  wish: {
    readonly from: Position
    readonly to: Position | undefined
    readonly backward: boolean
    readonly limit: number
    readonly filter: RoomEventFilter | undefined
  },
): Page {
  const rows: EventRow[] = []
  let at = wish.from
  let looked = 0
  let hidden = false
  while (looked < maxLooked) {
    const batch = Math.min(wish.limit - rows.length + 10, maxLooked)
    const found = wish.backward
      ? eventsBefore(reader, room.nid, at, wish.to ?? Number.MIN_SAFE_INTEGER, batch)
      : eventsAfter(reader, room.nid, at, wish.to ?? room.lastPosition, batch)
    for (const row of found) {
      if (rows.length === wish.limit) return { rows, next: at }
      looked += 1
      const order = orderOf(row)
      at = wish.backward ? order - 1 : order
      if (!view.maySee(row)) continue
      if (eventPasses(wish.filter, row)) rows.push(row)
      else hidden = true
    }
    // What only the filter keeps away is there for another filter.
    if (found.length < batch) return { rows, next: hidden ? at : undefined }
  }
  return { rows, next: at }
}

/** The newest place of the timeline that a member, or somebody who was one, may read from. */
export function newestFor(room: Room, member: Member | undefined): Position {
  return member === undefined || member.membership === 'join' || member.membership === 'invite'
    ? room.lastPosition
    : member.changedAt
}

export function renderingFor(
  reader: Reader,
  room: Room,
  viewer: EventViewer,
  now: number,
  withRoomId: boolean,
  view = roomView(reader, room, viewer.userId),
): Rendering {
  return { roomId: withRoomId ? room.roomId : undefined, viewer, now, membershipAt: (row) => view.membershipAt(row) }
}

/** Member events of the senders of a timeline, as JSON texts, for clients that load members lazily. */
export function senderMembers(reader: Reader, room: Room, rows: readonly EventRow[], rendering: Rendering): string[] {
  const senders = new Set(rows.map((row) => row.sender))
  const texts: string[] = []
  for (const sender of senders) {
    const newest = rows.reduce((best, row) => (orderOf(row) > orderOf(best) ? row : best))
    const position =
      entryAt(reader, newest.stateRoot, 'm.room.member', sender) ?? currentEntry(reader, room.nid, 'm.room.member', sender)
    if (position !== undefined) texts.push(clientEvent(reader, eventAt(reader, position), rendering))
  }
  return texts
}
