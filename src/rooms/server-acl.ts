import type { ServerName } from '../matrix/identifiers.ts'
import { serverAllowed } from '../matrix/server-acl.ts'
import type { Reader } from '../storage/handles.ts'
import { pduAt, versionOf } from './event-store.ts'
import { findRoom, type Room } from './members.ts'
import { currentEntry } from './state.ts'

/** Whether the room's ACL lets a server take part in it. Source: client-server API, `m.room.server_acl`. */
export function serverMayTakePart(reader: Reader, room: Room, server: ServerName): boolean {
  const position = currentEntry(reader, room.nid, 'm.room.server_acl', '')
  // The event is kept in memory, and with it its compiled form.
  return position === undefined || serverAllowed(pduAt(reader, position, versionOf(room)).content, server)
}

/** The same for a room by its id; rooms that are not known keep nobody away. */
export function allowedInRoom(reader: Reader, roomId: string, server: ServerName): boolean {
  const room = findRoom(reader, roomId)
  return room === undefined || serverMayTakePart(reader, room, server)
}
