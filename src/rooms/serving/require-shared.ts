import { forbidden } from '../../http/errors.ts'
import type { ServerName } from '../../matrix/identifiers.ts'
import type { Reader } from '../../storage/handles.ts'
import { findRoom, type Room } from '../members.ts'
import { serverMayTakePart } from '../server-acl.ts'
import { isServerIn } from '../servers.ts'

/**
 * The room, for a server that is in it and that its ACL keeps; any other is refused, and not told whether there is such a room.
 * Source: server-server API, "Server Access Control Lists (ACLs)", and the 403 of GET /state_ids.
 */
export function requireShared(reader: Reader, roomId: string, server: ServerName): Room {
  const room = findRoom(reader, roomId)
  if (!room || !isServerIn(reader, room.nid, server)) throw forbidden('Your server is not in this room')
  if (!serverMayTakePart(reader, room, server)) throw forbidden('Your server is excluded from this room')
  return room
}
