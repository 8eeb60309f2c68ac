import type { EduReceiver } from '../federation/transactions.ts'
import { parseUserId, type ServerName, serverOf } from '../matrix/identifiers.ts'
import type { Milliseconds } from '../platform/clock.ts'
import { findRoom, isJoined } from '../rooms/members.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import type { Typing } from './typing.ts'

export interface ReceiveTypingDeps {
  readonly storage: Storage
  readonly typing: Typing
  /** The room's server ACL. */
  allowedInRoom(reader: Reader, roomId: string, server: ServerName): boolean
}

/** Of users of other servers, whose servers repeat what they tell well within this time. */
const lasts: Milliseconds = 60_000

/** Takes `m.typing` about members of a room. Source: server-server API, "Typing Notifications". */
export function receiveTyping({ storage, typing, allowedInRoom }: ReceiveTypingDeps): EduReceiver {
  return async (origin, content) => {
    const userId = parseUserId(content.user_id)
    const { room_id: roomId, typing: types } = content
    if (!userId || serverOf(userId) !== origin || typeof roomId !== 'string' || typeof types !== 'boolean') return
    const room = findRoom(storage.reader, roomId)
    if (!room || !isJoined(storage.reader, room.nid, userId) || !allowedInRoom(storage.reader, roomId, origin)) return
    await typing.set(room.nid, userId, types ? lasts : undefined)
  }
}
