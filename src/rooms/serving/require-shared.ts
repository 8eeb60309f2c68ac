import { forbidden } from '../../http/errors.ts'
import { parseUserId, type ServerName, serverOf } from '../../matrix/identifiers.ts'
import type { Reader } from '../../storage/handles.ts'
import { findEvent } from '../event-store.ts'
import { findRoom, type Room } from '../members.ts'
import { serverMayTakePart } from '../server-acl.ts'
import { isServerIn } from '../servers.ts'

/** Whether an event puts somebody of a server out of the room, or changes what else a user of it is in the room: that is its business. */
function concerns(reader: Reader, room: Room, eventIds: readonly string[], server: ServerName): boolean {
  return eventIds.some((id) => {
    const row = findEvent(reader, id)
    if (row?.roomNid !== room.nid || row.type !== 'm.room.member') return false
    const userId = parseUserId(row.stateKey)
    return userId !== undefined && serverOf(userId) === server
  })
}

/**
 * The room, for a server that is in it and that its ACL keeps; any other is refused, and not told whether there is such a room.
 * `eventIds`: what is asked about; whoever was put out may ask what led to that event.
 * Source: server-server API, "Server Access Control Lists (ACLs)", and the 403 of GET /state_ids.
 */
export function requireShared(reader: Reader, roomId: string, server: ServerName, eventIds: readonly string[] = []): Room {
  const room = findRoom(reader, roomId)
  if (!room || !(isServerIn(reader, room.nid, server) || concerns(reader, room, eventIds, server)))
    throw forbidden('Your server is not in this room')
  if (!serverMayTakePart(reader, room, server)) throw forbidden('Your server is excluded from this room')
  return room
}
