import type { RoomFields, SyncFilter, SyncQuery, SyncStream } from '../rooms/sync-stream.ts'
import { tokenOf } from '../rooms/timeline.ts'
import type { Position, Reader, WakeKey } from '../storage/handles.ts'
import { createDraft } from './draft.ts'
import { joinedRoom, type RoomContext } from './joined-room.ts'
import type { KnownMembers } from './known-members.ts'
import { inviterOf, leftRoom, strippedRoom } from './other-rooms.ts'
import { type ListedRoom, roomsOf } from './room-list.ts'

export interface ComposeParts {
  readonly streams: readonly SyncStream[]
  readonly fields: readonly RoomFields[]
  readonly known: KnownMembers
  ignoredUsersOf(reader: Reader, userId: string): ReadonlySet<string>
}

export interface SyncWish {
  readonly userId: string
  readonly deviceId: string
  /** 0: first sync. */
  readonly from: Position
  readonly filter: SyncFilter
  readonly fullState: boolean
  readonly stateAfter: boolean
}

export interface Composed {
  readonly text: string
  /** False: nothing that a waiting client would want to hear of. */
  readonly news: boolean
  /** What to wait for. */
  readonly wakeKeys: readonly WakeKey[]
}

/** Everything that is new for a viewer, in one consistent snapshot; source: client-server API, GET /sync. */
export function composeSync(reader: Reader, parts: ComposeParts, wish: SyncWish, now: number): Composed {
  const { userId, from, filter } = wish
  const to = reader.position
  const rooms = roomsOf(reader, userId, filter)
  const joined = rooms.filter((room) => room.membership === 'join')
  const query: SyncQuery = {
    reader,
    userId,
    deviceId: wish.deviceId,
    from,
    to,
    joined: new Map(joined.map((room) => [room.nid, room.roomId])),
    newlyJoined: new Set(joined.filter((room) => from === 0 || (room.joinedAt ?? 0) > from).map((room) => room.nid)),
    filter,
  }
  const draft = createDraft()
  for (const stream of parts.streams) stream.collect(query, draft)
  const ignored = parts.ignoredUsersOf(reader, userId)
  const context: RoomContext = {
    query,
    draft,
    fields: parts.fields,
    known: parts.known,
    ignored,
    now,
    stateAfter: wish.stateAfter,
    fullState: wish.fullState,
  }
  const sections = {
    join: section(joined, (room) => joinedRoom(context, room)),
    invite: section(rooms, (room) => invitedRoom(context, room)),
    knock: section(rooms, (room) =>
      isNew(context, room, 'knock') ? strippedRoom(reader, room, userId, 'knock_state') : undefined,
    ),
    leave: section(rooms, (room) => (hasLeft(context, room) ? leftRoom(context, room) : undefined)),
  }
  const roomTexts = Object.entries(sections).flatMap(([name, text]) => (text === '' ? [] : [`"${name}":{${text}}`]))
  const fields = [...draft.fields].map(([name, json]) => `,"${name}":${json}`).join('')
  return {
    text: `{"next_batch":"${tokenOf(to)}","rooms":{${roomTexts.join(',')}}${fields}}`,
    news: draft.news || roomTexts.length > 0,
    wakeKeys: [`user/${userId}`, ...joined.map((room): WakeKey => `room/${room.nid}`)],
  }
}

function section(rooms: readonly ListedRoom[], write: (room: ListedRoom) => string | undefined): string {
  const texts: string[] = []
  for (const room of rooms) {
    const text = write(room)
    if (text !== undefined) texts.push(`${JSON.stringify(room.roomId)}:${text}`)
  }
  return texts.join(',')
}

function isNew({ query }: RoomContext, room: ListedRoom, membership: ListedRoom['membership']): boolean {
  return room.membership === membership && room.changedAt > query.from && room.changedAt <= query.to
}

function invitedRoom(context: RoomContext, room: ListedRoom): string | undefined {
  const { reader, userId } = context.query
  if (!isNew(context, room, 'invite') || context.ignored.has(inviterOf(reader, room))) return undefined
  return strippedRoom(reader, room, userId, 'invite_state')
}

function hasLeft(context: RoomContext, room: ListedRoom): boolean {
  if (!isNew(context, room, 'leave') && !isNew(context, room, 'ban')) return false
  // Another device learns of the end also where it was forgotten at once; later there is nothing more to hear.
  return context.query.from > 0 || (room.forgotten === 0 && context.query.filter.room?.include_leave === true)
}
