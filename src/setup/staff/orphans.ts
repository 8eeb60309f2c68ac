import { isDeactivated } from '../../accounts/store.ts'
import { type RoomId, serverOf, type UserId } from '../../matrix/identifiers.ts'
import { findRoom } from '../../rooms/members.ts'
import type { Reader } from '../../storage/handles.ts'
import { writeAudit } from '../audit-log.ts'
import { isChat, makeAdministrator, type RoomView, roomsOf, viewRoom } from './administrators.ts'
import type { StaffDeps } from './staff.ts'
import { allStaff } from './staff-store.ts'

/** A room that nobody could run any more if one person left. */
export interface LonelyRoom {
  readonly view: RoomView
  readonly administrator: UserId
  /** Members of the practice who could be the second. */
  readonly candidates: readonly UserId[]
}

/** Rooms made here, of more than two people, with a single administrator who is of the practice. */
export function lonelyRooms(reader: Reader): readonly LonelyRoom[] {
  const people = new Set(allStaff(reader).flatMap(({ userId, leftAt }) => (leftAt === null ? [userId] : [])))
  const views = new Map<RoomId, RoomView>()
  for (const userId of people) for (const view of roomsOf(reader, userId)) views.set(view.room.roomId, view)
  return [...views.values()].flatMap((view) => {
    const [administrator, ...others] = view.administrators
    if (isChat(view) || administrator === undefined || others.length > 0 || !people.has(administrator)) return []
    if (serverOf(view.madeBy) !== serverOf(administrator)) return []
    const candidates = view.members.filter((userId) => userId !== administrator && people.has(userId))
    return [{ view, administrator, candidates }]
  })
}

/** Makes a second administrator of a lonely room. False: it is not lonely any more, or this person is no candidate. */
export async function guardOrphan(
  { storage, clock, messenger }: StaffDeps,
  roomId: string,
  userId: string,
  by: string,
): Promise<boolean> {
  const running = messenger.running
  const room = findRoom(storage.reader, roomId)
  if (!running || !room) return false
  const view = viewRoom(storage.reader, room)
  const [administrator] = view.administrators
  const second = view.members.find((member) => member === userId)
  if (view.administrators.length !== 1 || administrator === undefined || second === undefined) return false
  if (serverOf(administrator) !== running.serverName || isDeactivated(storage.reader, administrator)) return false
  await makeAdministrator(running, storage.reader, administrator, room.roomId, second)
  await storage.write((tx) =>
    writeAudit(tx, { at: clock.now(), who: by, act: 'orphan-guarded', subject: `${view.name ?? roomId} ${second}` }),
  )
  return true
}
