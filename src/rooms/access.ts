import { forbidden } from '../http/errors.ts'
import { type Position, type Reader, statement } from '../storage/handles.ts'
import { type EventRow, eventAt, pduAt, versionOf } from './event-store.ts'
import { findRoom, type Member, memberOf, type Room } from './members.ts'
import { currentStateContent } from './state.ts'
import type { Root } from './state-snapshots.ts'

/** What a user may read of a room. */
export interface Access {
  readonly room: Room
  readonly member: Member | undefined
  /** Undefined: the current state. Otherwise the state when the user left. */
  readonly frozen: Root | undefined
}

/** Undefined: the user may not read the room. */
export function accessTo(reader: Reader, roomId: string, userId: string): Access | undefined {
  const room = findRoom(reader, roomId)
  if (!room) return undefined
  const member = memberOf(reader, room.nid, userId)
  if (member?.membership === 'join') return { room, member, frozen: undefined }
  if (currentStateContent(reader, room.nid, 'm.room.history_visibility', '')?.history_visibility === 'world_readable') {
    return { room, member, frozen: undefined }
  }
  if (
    member &&
    (member.membership === 'leave' || member.membership === 'ban') &&
    !member.forgotten &&
    wasJoined(reader, room, member.position)
  ) {
    return { room, member, frozen: rootAfter(reader, room, member.changedAt) }
  }
  return undefined
}

/** Members read the room, those who left read it as it was then, anybody reads a world-readable one. Anyone else is told nothing. */
export function requireAccess(reader: Reader, roomId: string, userId: string): Access {
  const access = accessTo(reader, roomId, userId)
  if (!access) throw forbidden('You are not in this room')
  return access
}

/** Memberships walked back through. */
const maxWalk = 100

/** Whether somebody who is out now was ever in: an invitation that was declined opens nothing. */
export function wasJoined(reader: Reader, room: Room, newest: Position): boolean {
  let at: Position | null = newest
  for (let step = 0; at !== null && step < maxWalk; step += 1) {
    const row: EventRow = eventAt(reader, at)
    if (pduAt(reader, row.position, versionOf(room)).content.membership === 'join') return true
    at = row.replaces
  }
  return false
}

const rootAt = statement<[number, Position], Root>(
  'SELECT state_root FROM room_states WHERE room_nid = ? AND position <= ? ORDER BY position DESC LIMIT 1',
  'pluck',
)
const nextRoot = statement<[number, Position], Root>(
  'SELECT state_root FROM events WHERE room_nid = ? AND timeline_order > ? ORDER BY timeline_order LIMIT 1',
  'pluck',
)

/** The state of the room when its timeline had come to a place; before this server took part it is what the next event stands on. */
export function rootAfter(reader: Reader, room: Room, place: Position): Root {
  return rootAt(reader).get(room.nid, place) ?? nextRoot(reader).get(room.nid, place) ?? room.stateRoot
}
