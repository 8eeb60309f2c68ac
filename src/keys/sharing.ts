import { joinedRoomsOf, memberOf } from '../rooms/members.ts'
import type { Position, Reader } from '../storage/handles.ts'

/** Whether two users have been in one room without a break since `position`. */
export function shareRoomSince(reader: Reader, one: string, other: string, position: Position): boolean {
  const stayed = (nid: number, userId: string) =>
    (memberOf(reader, nid, userId)?.joinedAt ?? Number.POSITIVE_INFINITY) <= position
  return joinedRoomsOf(reader, other).some(({ nid }) => stayed(nid, other) && stayed(nid, one))
}
