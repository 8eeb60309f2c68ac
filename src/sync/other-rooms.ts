import { wasJoined } from '../rooms/access.ts'
import { strippedEvent } from '../rooms/client-event.ts'
import { type EventRow, eventAt, orderOf, pduAt, versionOf } from '../rooms/event-store.ts'
import { strippedPositions } from '../rooms/handshakes/invite-others.ts'
import { strippedStateFor } from '../rooms/handshakes/out-of-band.ts'
import { renderingFor } from '../rooms/history.ts'
import { type Room, roomOf } from '../rooms/members.ts'
import { tokenOf } from '../rooms/timeline.ts'
import { roomView } from '../rooms/visibility.ts'
import type { Position, Reader } from '../storage/handles.ts'
import { eventWriter } from './event-writer.ts'
import type { RoomContext } from './joined-room.ts'
import type { ListedRoom } from './room-list.ts'
import { readState } from './state.ts'
import { readTimeline, type Sight, sightThrough } from './timeline.ts'

/** `invite_state` or `knock_state` of a room that the viewer is invited to or knocks on. */
export function strippedRoom(reader: Reader, listed: ListedRoom, userId: string, field: 'invite_state' | 'knock_state'): string {
  const own = eventAt(reader, listed.position)
  const told = own.timelineOrder === null ? strippedStateFor(reader, listed.nid, userId) : undefined
  const sender = own.sender === userId ? undefined : own.sender
  const known = strippedPositions(reader, listed.nid, sender).map((position) => strippedEvent(eventAt(reader, position)))
  const texts = told === undefined ? known : told === '' ? [] : [told]
  return `{"${field}":{"events":[${[...texts, strippedEvent(own)].join(',')}]}}`
}

/** Whom an invitation comes from. */
export function inviterOf(reader: Reader, listed: ListedRoom): string {
  return eventAt(reader, listed.position).sender
}

/** The part of the answer about a room that the viewer left since the last sync: what happened up to then. */
export function leftRoom(context: RoomContext, listed: ListedRoom): string {
  const { query } = context
  const { reader, filter, userId } = query
  const room = roomOf(reader, listed.nid)
  const view = roomView(reader, room, userId)
  const end = Math.min(listed.changedAt, query.to)
  const sightOf = sightThrough(view, context.ignored)
  const isOwn = (row: EventRow) => row.position === listed.position
  // The rules of visibility hide the end of an invitation, but the client must learn of it.
  const sightOfEnd = (sight: Sight) => (sight === 'hidden' ? 'told' : sight)
  const from = cameAndWent(reader, room, listed.position, query.from) ? 0 : query.from
  const own = eventAt(reader, listed.position)
  const timeline =
    own.timelineOrder === null
      ? // The end of an invitation to a room that this server is not in: there is nothing else to tell.
        { rows: [own], limited: false, start: end }
      : readTimeline(reader, room, from, end, filter.room?.timeline, (row) =>
          isOwn(row) ? sightOfEnd(sightOf(row)) : sightOf(row),
        )
  const wasIn = timeline.rows.some((row) => !isOwn(row)) || view.maySee(own)
  const wish = { from, to: end, after: context.stateAfter, filter: filter.room?.state, lazy: false, userId }
  const state = wasIn ? readState(reader, room, timeline, wish) : []
  const rendering = renderingFor(reader, room, query, context.now, false, view)
  const write = eventWriter(filter)
  const render = (rows: readonly EventRow[]) => rows.map((row) => write(reader, row, rendering)).join(',')
  return `{"timeline":{"events":[${render(timeline.rows)}],"limited":${timeline.limited && wasJoined(reader, room, listed.position)},"prev_batch":"${tokenOf(timeline.start)}"},"${context.stateAfter ? 'state_after' : 'state'}":{"events":[${render(state)}]},"account_data":{"events":[]}}`
}

/** Memberships walked back through. */
const maxWalk = 100

/** Whether somebody who is out now joined after `from`, and so knows nothing of the room. */
function cameAndWent(reader: Reader, room: Room, newest: Position, from: Position): boolean {
  let joined = false
  let at: Position | null = newest
  for (let step = 0; at !== null && step < maxWalk; step += 1) {
    const isJoin = pduAt(reader, at, versionOf(room)).content.membership === 'join'
    const row: EventRow = eventAt(reader, at)
    if (orderOf(row) <= from) return joined && !isJoin
    joined ||= isJoin
    at = row.replaces
  }
  return joined
}
