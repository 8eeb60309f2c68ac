import type { RoomId } from '../matrix/identifiers.ts'
import { roomPasses } from '../rooms/event-filter.ts'
import type { Membership } from '../rooms/members.ts'
import type { SyncFilter } from '../rooms/sync-stream.ts'
import { type Position, type Reader, statement } from '../storage/handles.ts'

/** A room that a viewer has to do with. */
export interface ListedRoom {
  readonly nid: number
  readonly roomId: RoomId
  readonly membership: Membership
  /** Of the viewer's membership event. */
  readonly position: Position
  /** Since when that is current. */
  readonly changedAt: Position
  readonly joinedAt: Position | null
  readonly lastPosition: Position
  readonly forgotten: 0 | 1
}

const everyRoom = statement<[string], ListedRoom>(
  `SELECT r.nid, r.room_id AS roomId, m.membership, m.position, m.changed_at AS changedAt, m.joined_at AS joinedAt, r.last_position AS lastPosition, m.forgotten
   FROM memberships m JOIN rooms r ON r.nid = m.room_nid WHERE m.user_id = ?`,
)

/** All rooms of a viewer that the filter lets through, whatever the membership. */
export function roomsOf(reader: Reader, userId: string, filter: SyncFilter): readonly ListedRoom[] {
  const rooms = everyRoom(reader).all(userId)
  const { room } = filter
  return room?.rooms || room?.not_rooms ? rooms.filter(({ roomId }) => roomPasses(room, roomId)) : rooms
}
