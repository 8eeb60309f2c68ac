import { isArray, isObject } from '../matrix/json.ts'
import type { Writer } from '../storage/handles.ts'
import { accountDataOf, roomAccountDataOf, setAccountData } from './store.ts'

interface RoomName {
  readonly nid: number
  readonly roomId: string
}

/** A room's tags, and its place among the direct chats, for the room that replaces it. Source: client-server API, "Room Upgrades". */
export function transferAccountData(tx: Writer, userId: string, from: RoomName, to: RoomName): void {
  const tags = roomAccountDataOf(tx, userId, from.nid, 'm.tag')
  if (tags && !roomAccountDataOf(tx, userId, to.nid, 'm.tag')) setAccountData(tx, userId, to.nid, 'm.tag', tags)
  const direct = accountDataOf(tx, userId, 'm.direct')
  const changed = direct && withRoom(direct, from.roomId, to.roomId)
  if (changed) setAccountData(tx, userId, undefined, 'm.direct', changed)
}

/** Undefined: nothing is to be changed. */
function withRoom(direct: Readonly<Record<string, unknown>>, from: string, to: string): Record<string, unknown> | undefined {
  const lists = Object.entries(isObject(direct) ? direct : {}).filter(
    ([, rooms]) => isArray(rooms) && rooms.includes(from) && !rooms.includes(to),
  )
  if (lists.length === 0) return undefined
  return { ...direct, ...Object.fromEntries(lists.map(([userId, rooms]) => [userId, [...(rooms as unknown[]), to]])) }
}
