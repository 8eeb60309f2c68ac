import { devicesOf } from '../../accounts/store.ts'
import { MatrixError } from '../../http/errors.ts'
import type { UserId } from '../../matrix/identifiers.ts'
import { writeAudit } from '../audit-log.ts'
import type { RunningMessenger } from '../messenger.ts'
import { isChat, makeAdministrator, type RoomView, roomsOf } from './administrators.ts'
import type { LeftRoom } from './farewell.ts'
import { forgetLinks } from './links.ts'
import type { StaffDeps } from './staff.ts'
import { markPersonLeft, type Person } from './staff-store.ts'

/**
 * Somebody leaves the practice. First the deputy takes over what only this person could decide, room by room; then, in one write, all
 * sessions and memberships and the account itself end, and the protocol is kept. Cut off in between, it is simply done again.
 */
export async function leave(
  { storage, clock, log }: StaffDeps,
  running: RunningMessenger,
  person: Person,
  deputy: UserId | undefined,
  by: string,
): Promise<void> {
  const { userId } = person
  const rooms: LeftRoom[] = []
  for (const view of roomsOf(storage.reader, userId)) {
    const administration = await handOver(view)
    rooms.push({ roomId: view.room.roomId, name: view.name, administration })
  }
  await storage.write((tx) => {
    const at = clock.now()
    const devices = devicesOf(tx, userId).map(({ deviceId, displayName, lastSeenTs }) => ({
      deviceId,
      name: displayName,
      lastSeen: lastSeenTs,
    }))
    forgetLinks(tx, userId)
    running.sessions.deactivate(tx, userId, false)
    markPersonLeft(tx, userId, { at, by, deputy: deputy ?? null, devices, rooms })
    writeAudit(tx, { at, who: by, act: 'staff-left', subject: `${person.name} ${userId}` })
  })

  async function handOver(view: RoomView): Promise<LeftRoom['administration']> {
    if (isChat(view)) return 'chat'
    if (!view.administrators.includes(userId)) return 'none'
    const others = view.administrators.filter((administrator) => administrator !== userId)
    if (deputy === undefined) return others.length > 0 ? 'others' : 'nobody'
    if (view.administrators.includes(deputy)) return 'handed-over'
    try {
      if (!view.members.includes(deputy)) {
        await running.rooms.membership.invite(userId, view.room.roomId, deputy, undefined)
        await running.rooms.membership.join(deputy, view.room.roomId, {}, [])
      }
      await makeAdministrator(running, storage.reader, userId, view.room.roomId, deputy)
      return 'handed-over'
    } catch (error) {
      // The rules of the room, for instance of another server, do not allow it; that must keep nobody here.
      if (!(error instanceof MatrixError)) throw error
      log.warn({ room: view.room.roomId, problem: error.message }, 'a room was not handed over')
      return others.length > 0 ? 'others' : 'nobody'
    }
  }
}
