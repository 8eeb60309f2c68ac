import { parseRoomId, parseServerName, type RoomId, type ServerName } from '../matrix/identifiers.ts'
import { isArray, type JsonObject } from '../matrix/json.ts'
import { type Position, type Reader, statement } from '../storage/handles.ts'
import { contentOf, eventAt } from './event-store.ts'
import type { Room } from './members.ts'
import { createEventOf } from './state.ts'

/** An `m.space.child` event as other people are told of it: stripped, with its time. */
export interface ChildEvent {
  readonly type: 'm.space.child'
  readonly state_key: string
  readonly content: JsonObject
  readonly sender: string
  readonly origin_server_ts: number
}

/** A child event that counts. */
export interface SpaceChild {
  readonly roomId: RoomId
  readonly via: readonly ServerName[]
  readonly suggested: boolean
  readonly event: ChildEvent
}

/** Of one space; far beyond what anybody reads. */
const maxChildren = 1000
const maxVia = 10

const childPositions = statement<[number, number], Position>(
  `SELECT position FROM current_state WHERE room_nid = ? AND type = 'm.space.child' LIMIT ?`,
  'pluck',
)

function isSpace(reader: Reader, room: Room): boolean {
  return createEventOf(reader, room).content.type === 'm.space'
}

/** The children of a space, in their order; none where the room is no space. Source: client-server API, "Spaces". */
export function spaceChildrenOf(reader: Reader, room: Room): readonly SpaceChild[] {
  if (!isSpace(reader, room)) return []
  const children = childPositions(reader)
    .all(room.nid, maxChildren)
    .map((position) => {
      const row = eventAt(reader, position)
      return readChild({
        type: 'm.space.child',
        state_key: row.stateKey ?? '',
        content: contentOf(row),
        sender: row.sender,
        origin_server_ts: row.originServerTs,
      })
    })
  return inOrder(children.flatMap((child) => child ?? []))
}

/** Undefined: without servers in `via`, or without a room in its state key, it says nothing. */
export function readChild(event: ChildEvent): SpaceChild | undefined {
  const roomId = parseRoomId(event.state_key)
  const { via, suggested } = event.content
  if (roomId === undefined || !isArray(via)) return undefined
  const servers = via.slice(0, maxVia).flatMap((server) => parseServerName(server) ?? [])
  return servers.length === 0 ? undefined : { roomId, via: servers, suggested: suggested === true, event }
}

/** Source: client-server API, "Ordering of children within a space". */
export function inOrder(children: readonly SpaceChild[]): readonly SpaceChild[] {
  return children
    .map((child) => ({ child, order: orderOf(child.event.content.order), ts: child.event.origin_server_ts }))
    .sort((one, other) => {
      if (one.order !== other.order) {
        if (one.order === undefined) return 1
        if (other.order === undefined) return -1
        return one.order < other.order ? -1 : 1
      }
      return one.ts - other.ts || (one.child.roomId < other.child.roomId ? -1 : 1)
    })
    .map(({ child }) => child)
}

function orderOf(order: unknown): string | undefined {
  return typeof order === 'string' && /^[\x20-\x7e]{1,50}$/.test(order) ? order : undefined
}
