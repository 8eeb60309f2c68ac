import { type ServerName, serverOf, type UserId } from '../matrix/identifiers.ts'
import { type Reader, statement } from '../storage/handles.ts'
import { versionOf } from './event-store.ts'
import { findRoom, isJoined, type Membership, memberOf, type Room } from './members.ts'
import { roomsIn } from './restricted.ts'
import { serverMayTakePart } from './server-acl.ts'
import { isServerIn } from './servers.ts'
import { currentStateContent } from './state.ts'
import { isWorldReadable, joinRuleOf } from './summary.ts'

/**
 * Whether somebody may know what a room is before entering it: members, those who may enter or knock, and anybody where everybody may read.
 * `userId` undefined: nobody signed in. Source: client-server API, `GET /rooms/{roomId}/hierarchy` and `GET /room_summary/{roomIdOrAlias}`.
 */
export function mayPreview(reader: Reader, room: Room, userId: string | undefined): boolean {
  const membership = userId === undefined ? undefined : memberOf(reader, room.nid, userId)?.membership
  if (membership === 'join' || membership === 'invite' || isWorldReadable(reader, room.nid)) return true
  if (membership === 'ban') return false
  if (isOpen(reader, room)) return true
  return userId !== undefined && roomsThatOpen(reader, room).some(({ nid }) => isJoined(reader, nid, userId))
}

/** Whether users of another server might enter, so that it may know what a room is. Source: server-server API, `GET /hierarchy/{roomId}`. */
export function mayServerPreview(reader: Reader, room: Room, server: ServerName): boolean {
  if (!serverMayTakePart(reader, room, server)) return false
  if (isWorldReadable(reader, room.nid) || isOpen(reader, room) || isServerIn(reader, room.nid, server)) return true
  if (roomsThatOpen(reader, room).some(({ nid }) => isServerIn(reader, nid, server))) return true
  return (
    room.invitedMembers > 0 &&
    invitedMembers(reader)
      .all(room.nid)
      .some((userId) => serverOf(userId) === server)
  )
}

/** Whether a user may know a room by what its server tells of it. `membership`: as it is known here. */
export function mayPreviewRemote(
  reader: Reader,
  summary: { readonly join_rule?: string; readonly world_readable: boolean; readonly allowed_room_ids?: readonly string[] },
  membership: Membership | undefined,
  userId: string | undefined,
): boolean {
  const { join_rule: rule = 'public', allowed_room_ids: allowed = [] } = summary
  if (membership === 'join' || membership === 'invite' || summary.world_readable) return true
  if (membership === 'ban') return false
  if (rule === 'public' || rule === 'knock' || rule === 'knock_restricted') return true
  if (rule !== 'restricted' || userId === undefined) return false
  return allowed.some((roomId) => {
    const room = findRoom(reader, roomId)
    return room !== undefined && isJoined(reader, room.nid, userId)
  })
}

/** Whether anybody may enter, or knock. */
function isOpen(reader: Reader, room: Room): boolean {
  const rule = joinRuleOf(reader, room.nid)
  const { knocking, knockRestricted } = versionOf(room).auth
  return rule === 'public' || (rule === 'knock' && knocking) || (rule === 'knock_restricted' && knockRestricted)
}

const maxOpeningRooms = 50

/** The rooms whose members may enter a restricted room, as far as they are known here. */
function roomsThatOpen(reader: Reader, room: Room): readonly Room[] {
  const rules = currentStateContent(reader, room.nid, 'm.room.join_rules', '')
  if (rules?.join_rule !== 'restricted' || !versionOf(room).auth.restrictedJoins) return []
  return roomsIn(rules.allow)
    .slice(0, maxOpeningRooms)
    .flatMap((roomId) => findRoom(reader, roomId) ?? [])
}

const invitedMembers = statement<[number], UserId>(
  `SELECT user_id FROM memberships WHERE room_nid = ? AND membership = 'invite'`,
  'pluck',
)
