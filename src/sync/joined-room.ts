import { renderingFor } from '../rooms/history.ts'
import { type Room, roomOf } from '../rooms/members.ts'
import type { RoomFields, SyncQuery } from '../rooms/sync-stream.ts'
import { tokenOf } from '../rooms/timeline.ts'
import { roomView } from '../rooms/visibility.ts'
import type { Position } from '../storage/handles.ts'
import type { Draft } from './draft.ts'
import { eventWriter } from './event-writer.ts'
import type { KnownMembers } from './known-members.ts'
import type { ListedRoom } from './room-list.ts'
import { lazyMembers, readState } from './state.ts'
import { roomSummary } from './summary.ts'
import { readTimeline, sightThrough, type Timeline } from './timeline.ts'

export interface RoomContext {
  readonly query: SyncQuery
  readonly draft: Draft
  readonly fields: readonly RoomFields[]
  readonly known: KnownMembers
  readonly ignored: ReadonlySet<string>
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly stateAfter: boolean
  /** All state again, as if the client knew none. */
  readonly fullState: boolean
}

/** The part of the answer about a room that the viewer is joined to; undefined: nothing about it is new. */
export function joinedRoom(context: RoomContext, listed: ListedRoom): string | undefined {
  const { query, draft } = context
  const { reader, filter } = query
  const parts = draft.rooms.get(listed.nid)
  const whole = query.from === 0 || query.newlyJoined.has(listed.nid)
  if (!whole && !context.fullState && !parts && listed.lastPosition <= query.from) return undefined
  const room = roomOf(reader, listed.nid)
  const view = roomView(reader, room, query.userId)
  const from = whole ? 0 : query.from
  const timeline = readTimeline(
    reader,
    room,
    from,
    query.to,
    filter.room?.timeline,
    sightThrough(whole ? view : undefined, context.ignored),
  )
  // Of a room that is new to a running client it cannot know whether this follows what it has from an earlier stay.
  const limited = timeline.limited || (whole && query.from > 0 && timeline.rows[0]?.type !== 'm.room.create')
  // What a filter or an ignored sender keeps away is no news.
  const state = stateOf(context, room, timeline, context.fullState ? 0 : from)
  if (!whole && !parts && !timeline.limited && timeline.rows.length === 0 && state.length === 0) return undefined
  const rendering = renderingFor(reader, room, query, context.now, false, view)
  const write = eventWriter(filter)
  const events = timeline.rows.map((row) => write(reader, row, rendering)).join(',')
  const stateEvents = state.map((row) => write(reader, row, rendering)).join(',')
  const membersChanged = whole || [...state, ...timeline.rows].some((row) => row.type === 'm.room.member')
  const fields = context.fields.flatMap((source) => Object.entries(source.fieldsOf(query, listed.nid)))
  const texts = [
    `"timeline":{"events":[${events}],"limited":${limited},"prev_batch":"${tokenOf(timeline.start)}"}`,
    `"${context.stateAfter ? 'state_after' : 'state'}":{"events":[${stateEvents}]}`,
    `"ephemeral":{"events":[${parts?.ephemeral.join(',') ?? ''}]}`,
    `"account_data":{"events":[${parts?.accountData.join(',') ?? ''}]}`,
    `"summary":${membersChanged ? roomSummary(reader, room, query.userId) : '{}'}`,
    ...fields.map(([name, json]) => `"${name}":${json}`),
  ]
  return `{${texts.join(',')}}`
}

function stateOf(context: RoomContext, room: Room, timeline: Timeline, from: Position) {
  const { query, known } = context
  const { reader, userId, filter } = query
  const lazy = filter.room?.state?.lazy_load_members === true || filter.room?.timeline?.lazy_load_members === true
  const wish = { from, to: query.to, after: context.stateAfter, filter: filter.room?.state, lazy, userId }
  const rows = readState(reader, room, timeline, wish)
  if (!lazy) return rows
  const redundant = filter.room?.state?.include_redundant_members === true
  const device = `${userId} ${query.deviceId}`
  if (from === 0) known.forget(device, room.nid)
  for (const row of rows) if (row.type === 'm.room.member') known.isNew(device, room.nid, row.stateKey ?? '', row.position, query)
  const members = lazyMembers(reader, room, timeline, query.to, new Set(rows.map((row) => row.position)))
  const inTimeline = new Set(timeline.rows.map((row) => row.position))
  const fresh = members.filter((row) => {
    const isNew = known.isNew(device, room.nid, row.stateKey ?? '', row.position, query)
    return (isNew || redundant) && !inTimeline.has(row.position)
  })
  return [...rows, ...fresh]
}
