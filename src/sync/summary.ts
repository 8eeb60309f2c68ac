import type { Room } from '../rooms/members.ts'
import { currentStateContent } from '../rooms/state.ts'
import { type Reader, statement } from '../storage/handles.ts'

const others = statement<[number, string, string, string], string>(
  `SELECT user_id FROM memberships WHERE room_nid = ? AND user_id <> ? AND membership IN (?, ?) ORDER BY position LIMIT 5`,
  'pluck',
)

/** `summary` of a room: counts, and who gives it a name where it has none; source: client-server API, GET /sync. */
export function roomSummary(reader: Reader, room: Room, userId: string): string {
  const counts = `"m.joined_member_count":${room.joinedMembers},"m.invited_member_count":${room.invitedMembers}`
  return `{${heroes(reader, room, userId)}${counts}}`
}

function heroes(reader: Reader, room: Room, userId: string): string {
  const name = currentStateContent(reader, room.nid, 'm.room.name', '')?.name
  if (typeof name === 'string' && name !== '') return ''
  const alias = currentStateContent(reader, room.nid, 'm.room.canonical_alias', '')?.alias
  if (typeof alias === 'string' && alias !== '') return ''
  const present = others(reader).all(room.nid, userId, 'join', 'invite')
  const shown = present.length > 0 ? present : others(reader).all(room.nid, userId, 'leave', 'ban')
  return `"m.heroes":${JSON.stringify(shown)},`
}
