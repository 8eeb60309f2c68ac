import { isJoined, type Room } from '../rooms/members.ts'
import { currentStateContent, powerLevelsOf } from '../rooms/state.ts'
import type { Reader } from '../storage/handles.ts'

/** Whether a user is in a room and may send its canonical alias: the measure for what the room is called and where it is listed. */
export function maySetCanonicalAlias(reader: Reader, room: Room, userId: string): boolean {
  if (!isJoined(reader, room.nid, userId)) return false
  const levels = powerLevelsOf(reader, room)
  return levels.ofUser(userId) >= levels.forEvent('m.room.canonical_alias', true)
}

/** Whether everybody may read what happens in a room; source: client-server API, "Room history visibility". */
export function isWorldReadable(reader: Reader, nid: number): boolean {
  return currentStateContent(reader, nid, 'm.room.history_visibility', '')?.history_visibility === 'world_readable'
}

/** The room's join rule; a room without one is for those invited: server-server API, "Authorisation rules". */
export function joinRuleOf(reader: Reader, nid: number): string {
  const rule = currentStateContent(reader, nid, 'm.room.join_rules', '')?.join_rule
  return typeof rule === 'string' ? rule : 'invite'
}
