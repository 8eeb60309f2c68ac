import { isJoined, type Room } from '../rooms/members.ts'
import { powerLevelsOf } from '../rooms/state.ts'
import type { Reader } from '../storage/handles.ts'

/** Whether a user is in a room and may send its canonical alias: the measure for what the room is called and where it is listed. */
export function maySetCanonicalAlias(reader: Reader, room: Room, userId: string): boolean {
  if (!isJoined(reader, room.nid, userId)) return false
  const levels = powerLevelsOf(reader, room)
  return levels.ofUser(userId) >= levels.forEvent('m.room.canonical_alias', true)
}
