import type { Session } from '../http/endpoint.ts'
import { forbidden, invalidParam } from '../http/errors.ts'
import { parseRoomId } from '../matrix/identifiers.ts'
import { findRoom, memberOf } from '../rooms/members.ts'
import type { Reader } from '../storage/handles.ts'

export function requireSelf(auth: Session, userId: string): void {
  if (userId !== auth.userId) throw forbidden('The account data of others is theirs alone')
}

/** The short name of a room that the user has or had to do with. */
export function roomOfUser(reader: Reader, userId: string, roomId: string): number | undefined {
  if (!parseRoomId(roomId)) throw invalidParam(`roomId: ${roomId} is not a room id`)
  const room = findRoom(reader, roomId)
  return room && memberOf(reader, room.nid, userId) && room.nid
}

/** The same for those who want to keep something with it. */
export function requireRoom(reader: Reader, userId: string, roomId: string): number {
  const nid = roomOfUser(reader, userId, roomId)
  if (nid === undefined) throw forbidden('You were never in this room')
  return nid
}
