import type { PowerLevels } from '../matrix/power-levels.ts'
import { roomOf } from '../rooms/members.ts'
import { currentStateContent, powerLevelsOf } from '../rooms/state.ts'
import type { Reader } from '../storage/handles.ts'
import type { RoomFacts } from './counter.ts'

/** What push rules may ask about a room as it is now; each is looked up once, and only where a rule asks. */
export function roomFacts(reader: Reader, roomNid: number, userId: string): RoomFacts {
  let levels: PowerLevels | undefined
  let name: { readonly text: string | undefined } | undefined
  const powerLevels = () => {
    levels ??= powerLevelsOf(reader, roomOf(reader, roomNid))
    return levels
  }
  return {
    get displayName() {
      name ??= { text: displayNameOf(reader, roomNid, userId) }
      return name.text
    },
    get memberCount() {
      return roomOf(reader, roomNid).joinedMembers
    },
    powerLevelOf: (sender) => powerLevels().ofUser(sender),
    notificationLevel: (key) => powerLevels().forNotification(key),
  }
}

function displayNameOf(reader: Reader, roomNid: number, userId: string): string | undefined {
  const name = currentStateContent(reader, roomNid, 'm.room.member', userId)?.displayname
  return typeof name === 'string' ? name : undefined
}
