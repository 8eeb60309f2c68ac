import type { Session } from '../http/endpoint.ts'
import { forbidden, invalidParam, notFound } from '../http/errors.ts'
import { parseRoomId } from '../matrix/identifiers.ts'
import { findRoom } from '../rooms/members.ts'
import type { Reader } from '../storage/handles.ts'

export function requireSelf(auth: Session, userId: string): void {
  if (userId !== auth.userId) throw forbidden('The account data of others is theirs alone')
}

/** The short name of a room that the server knows. */
export function requireRoom(reader: Reader, roomId: string): number {
  if (!parseRoomId(roomId)) throw invalidParam(`roomId: ${roomId} is not a room id`)
  const room = findRoom(reader, roomId)
  if (!room) throw notFound('There is no such room')
  return room.nid
}
