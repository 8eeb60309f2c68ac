import type { RoomId, UserId } from '../../matrix/identifiers.ts'
import { isObject, type JsonObject } from '../../matrix/json.ts'
import { findRoom, joinedMembersOf, joinedRoomsOf, type Room } from '../../rooms/members.ts'
import { createEventOf, currentStateContent, powerLevelsOf } from '../../rooms/state.ts'
import type { Reader } from '../../storage/handles.ts'
import type { RunningMessenger } from '../messenger.ts'

/** A room as the guard of rooms sees it. */
export interface RoomView {
  readonly room: Room
  /** Null: it has none. */
  readonly name: string | null
  readonly members: readonly UserId[]
  /** Those joined who may decide who else decides. */
  readonly administrators: readonly UserId[]
  readonly madeBy: UserId
}

export function viewRoom(reader: Reader, room: Room): RoomView {
  const levels = powerLevelsOf(reader, room)
  const members = joinedMembersOf(reader, room.nid)
  const needed = levels.forEvent('m.room.power_levels', true)
  const name = currentStateContent(reader, room.nid, 'm.room.name', '')?.name
  return {
    room,
    name: typeof name === 'string' && name !== '' ? name : null,
    members,
    administrators: members.filter((userId) => levels.ofUser(userId) >= needed),
    madeBy: createEventOf(reader, room).sender,
  }
}

/** The rooms that somebody is in. */
export function roomsOf(reader: Reader, userId: UserId): readonly RoomView[] {
  return joinedRoomsOf(reader, userId).flatMap(({ roomId }) => {
    const room = findRoom(reader, roomId)
    return room ? [viewRoom(reader, room)] : []
  })
}

/** Two people alone need nobody who decides; a room with a name is meant to be more. */
export const isChat = ({ members, name }: RoomView) => members.length <= 2 && name === null

/** Lets `actor`, who must be an administrator, make somebody else one. Ends with a `MatrixError` if the rules of the room forbid it. */
export async function makeAdministrator(
  { rooms }: Pick<RunningMessenger, 'rooms'>,
  reader: Reader,
  actor: UserId,
  roomId: RoomId,
  userId: UserId,
): Promise<void> {
  const room = findRoom(reader, roomId)
  if (!room) throw new Error(`no room ${roomId}`)
  const content: JsonObject = currentStateContent(reader, room.nid, 'm.room.power_levels', '') ?? {}
  const needed = Math.max(100, powerLevelsOf(reader, room).forEvent('m.room.power_levels', true))
  const users = isObject(content.users) ? content.users : {}
  await rooms.send.state({ userId: actor, deviceId: '' }, roomId, 'm.room.power_levels', '', {
    ...content,
    users: { ...users, [userId]: needed },
  })
}
