import { forbidden } from '../../http/errors.ts'
import { parseUserId, type ServerName, serverOf } from '../../matrix/identifiers.ts'
import type { Reader } from '../../storage/handles.ts'
import { contentOf, EventStatus, eventAt, findEvent } from '../event-store.ts'
import { findRoom, type Room } from '../members.ts'
import { serverMayTakePart } from '../server-acl.ts'
import { isServerIn } from '../servers.ts'

/**
 * Whether events put somebody of a server out of the room: what led there was that server's to know. Nothing else is: it is in the room's
 * state with a knock, an invitation or a ban as well, without ever having been told anything.
 */
function putsOut(reader: Reader, room: Room, eventIds: readonly string[], server: ServerName): boolean {
  if (eventIds.length === 0) return false
  return eventIds.every((id) => {
    const row = findEvent(reader, id)
    if (row?.roomNid !== room.nid || row.type !== 'm.room.member' || row.status !== EventStatus.accepted) return false
    const userId = parseUserId(row.stateKey)
    if (userId === undefined || serverOf(userId) !== server || row.replaces === null) return false
    return contentOf(eventAt(reader, row.replaces)).membership === 'join' && contentOf(row).membership !== 'join'
  })
}

/**
 * The room, for a server that is in it and that its ACL keeps; any other is refused, and not told whether there is such a room.
 * `eventIds`: what is asked about; whoever was put out may ask what led to that event.
 * Source: server-server API, "Server Access Control Lists (ACLs)", and the 403 of GET /state_ids.
 */
export function requireShared(reader: Reader, roomId: string, server: ServerName, eventIds: readonly string[] = []): Room {
  const room = findRoom(reader, roomId)
  if (!room || !(isServerIn(reader, room.nid, server) || putsOut(reader, room, eventIds, server)))
    throw forbidden('Your server is not in this room')
  if (!serverMayTakePart(reader, room, server)) throw forbidden('Your server is excluded from this room')
  return room
}
