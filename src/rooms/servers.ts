import type { ServerName } from '../matrix/identifiers.ts'
import { type Reader, statement } from '../storage/handles.ts'

const inRoom = statement<[number], ServerName>('SELECT server FROM room_servers WHERE room_nid = ?', 'pluck')
const isIn = statement<[number, string], number>('SELECT 1 FROM room_servers WHERE room_nid = ? AND server = ?', 'pluck')
const sharing = statement<[string], ServerName>(
  `SELECT DISTINCT s.server FROM memberships m JOIN room_servers s ON s.room_nid = m.room_nid WHERE m.user_id = ? AND m.membership = 'join'`,
  'pluck',
)
const neighbour = statement<[string, string], number>(
  `SELECT 1 FROM memberships m JOIN room_servers s ON s.room_nid = m.room_nid
   WHERE m.user_id = ? AND m.membership = 'join' AND s.server = ? LIMIT 1`,
  'pluck',
)
const every = statement<[], ServerName>('SELECT DISTINCT server FROM room_servers', 'pluck')

/** The servers with users joined to a room, this one included. */
export function serversIn(reader: Reader, nid: number): readonly ServerName[] {
  return inRoom(reader).all(nid)
}

const joined = statement<[number, string], number>('SELECT joined FROM room_servers WHERE room_nid = ? AND server = ?', 'pluck')

/** How many users of a server are joined to a room. */
export function joinedFrom(reader: Reader, nid: number, server: ServerName): number {
  return joined(reader).get(nid, server) ?? 0
}

export function isServerIn(reader: Reader, nid: number, server: ServerName): boolean {
  return isIn(reader).get(nid, server) !== undefined
}

/** Whether anybody of a server is in a room with a user. */
export function isNeighbour(reader: Reader, server: ServerName, userId: string): boolean {
  return neighbour(reader).get(userId, server) !== undefined
}

/** The servers that share a room with a user, this one included if the user is joined anywhere. */
export function serversSharingRoomWith(reader: Reader, userId: string): readonly ServerName[] {
  return sharing(reader).all(userId)
}

/** Every server that this one shares a room with, or shared one when it left it; this one included. */
export function knownServers(reader: Reader): readonly ServerName[] {
  return every(reader).all()
}
