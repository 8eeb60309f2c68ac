import { invalidParam } from '../http/errors.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import { publicRoomNids } from '../rooms/aliases.ts'
import { type Room, roomOf } from '../rooms/members.ts'
import { isServerIn } from '../rooms/servers.ts'
import { type PublishedRoom, publishedRoomOf } from '../rooms/summary.ts'
import type { Reader } from '../storage/handles.ts'
import { fold } from './fold.ts'

export interface PublicRoomsQuery {
  /** Missing or 0: as many as a page has. */
  readonly limit?: number
  readonly since?: string
  readonly filter?: {
    readonly generic_search_term?: string
    /** Null: rooms without a type. */
    readonly room_types?: readonly (string | null)[]
  }
}

// A type and no interface: handlers answer with records.
export type PublicRoomsPage = {
  readonly chunk: readonly PublishedRoom[]
  readonly next_batch?: string
  readonly prev_batch?: string
  readonly total_room_count_estimate: number
}

export const maxPage = 100
/** Rooms that one page looks at in search of matches: a page may end before it is full. */
const maxLooked = 200

/** A place in the list, which is ordered by the number of members (most first), then by age; kept while rooms come and go. */
type Place = Pick<Room, 'joinedMembers' | 'nid'>

const front: Place = { joinedMembers: Number.MAX_SAFE_INTEGER, nid: 0 }
const end: Place = { joinedMembers: 0, nid: 0 }

function byPlace(one: Place, other: Place): number {
  return other.joinedMembers - one.joinedMembers || one.nid - other.nid
}

/** One page of the rooms that this server lists and is in; source: client-server API, "Published room directory". */
export function publicRoomsPage(
  reader: Reader,
  serverName: ServerName,
  { limit, since, filter = {} }: PublicRoomsQuery,
): PublicRoomsPage {
  const rooms = publicRoomNids(reader)
    .map((nid) => roomOf(reader, nid))
    .filter(({ nid }) => isServerIn(reader, nid, serverName))
    .sort(byPlace)
  const wanted = Math.min(limit || maxPage, maxPage)
  const matches = matcher(filter)
  const { backwards, place } = since === undefined ? { backwards: false, place: front } : parseToken(since)
  const start = rooms.findIndex((room) => (backwards ? byPlace(room, place) >= 0 : byPlace(room, place) > 0))
  const turn = start === -1 ? rooms.length : start
  const chunk: PublishedRoom[] = []
  let looked = 0
  for (; looked < maxLooked && chunk.length < wanted; looked += 1) {
    const room = rooms[backwards ? turn - 1 - looked : turn + looked]
    if (!room) break
    const summary = publishedRoomOf(reader, room)
    if (isOpen(summary) && matches(summary)) chunk.push(summary)
  }
  const [first, last] = backwards ? [turn - looked, turn] : [turn, turn + looked]
  return {
    chunk: backwards ? chunk.reverse() : chunk,
    ...(last < rooms.length && { next_batch: tokenOf('n', rooms[last - 1] ?? front) }),
    ...(first > 0 && { prev_batch: tokenOf('p', rooms[first] ?? end) }),
    total_room_count_estimate: rooms.length,
  }
}

/** Rooms that nobody can enter or read without an invitation are not shown, which the specification leaves to servers. */
function isOpen({ join_rule: rule, world_readable: readable }: PublishedRoom): boolean {
  return readable || rule === 'public' || rule === 'knock' || rule === 'restricted' || rule === 'knock_restricted'
}

function matcher({
  generic_search_term: term,
  room_types: types,
}: NonNullable<PublicRoomsQuery['filter']>): (room: PublishedRoom) => boolean {
  const needle = fold(term ?? '')
  return ({ name, topic, canonical_alias: alias, room_type: type = null }) => {
    if (types && !types.includes(type)) return false
    return needle === '' || [name, topic, alias].some((text) => text !== undefined && fold(text).includes(needle))
  }
}

/** `n`: what follows the place; `p`: what stands before it. */
function tokenOf(direction: 'n' | 'p', { joinedMembers, nid }: Place): string {
  return `${direction}${joinedMembers}_${nid}`
}

function parseToken(since: string): { backwards: boolean; place: Place } {
  const parts = /^([np])(\d{1,16})_(\d{1,16})$/.exec(since)
  if (!parts) throw invalidParam('since: must be a next_batch or prev_batch of an earlier answer')
  return { backwards: parts[1] === 'p', place: { joinedMembers: Number(parts[2]), nid: Number(parts[3]) } }
}
