import type { RoomId, UserId } from '../matrix/identifiers.ts'
import { type Position, type Reader, statement } from '../storage/handles.ts'

export type Membership = 'join' | 'invite' | 'leave' | 'ban' | 'knock'

export interface Room {
  readonly nid: number
  readonly roomId: RoomId
  readonly version: string
  readonly stateRoot: number
  readonly lastPosition: Position
  readonly joinedMembers: number
  readonly invitedMembers: number
}

const roomColumns = `nid, room_id AS roomId, version, state_root AS stateRoot, last_position AS lastPosition,
  joined_members AS joinedMembers, invited_members AS invitedMembers`
const roomById = statement<[string], Room>(`SELECT ${roomColumns} FROM rooms WHERE room_id = ?`)
const roomByNid = statement<[number], Room>(`SELECT ${roomColumns} FROM rooms WHERE nid = ?`)

export function findRoom(reader: Reader, roomId: string): Room | undefined {
  return roomById(reader).get(roomId)
}

export function roomOf(reader: Reader, nid: number): Room {
  const room = roomByNid(reader).get(nid)
  if (!room) throw new Error(`no room ${nid}`)
  return room
}

export interface Member {
  readonly roomNid: number
  readonly userId: UserId
  readonly membership: Membership
  /** Of the membership event. */
  readonly position: Position
  /** Since when it is current. */
  readonly changedAt: Position
  /** Since when the user is joined without a break. */
  readonly joinedAt: Position | null
  readonly forgotten: boolean
}

const memberRow = statement<[number, string], Omit<Member, 'forgotten'> & { readonly forgotten: 0 | 1 }>(
  `SELECT room_nid AS roomNid, user_id AS userId, membership, position, changed_at AS changedAt, joined_at AS joinedAt, forgotten
   FROM memberships WHERE room_nid = ? AND user_id = ?`,
)

/** The current membership event's facts; undefined: the user never had to do with the room. */
export function memberOf(reader: Reader, nid: number, userId: string): Member | undefined {
  const row = memberRow(reader).get(nid, userId)
  return row && { ...row, forgotten: row.forgotten === 1 }
}

export function isJoined(reader: Reader, nid: number, userId: string): boolean {
  return memberOf(reader, nid, userId)?.membership === 'join'
}

const joinedRooms = statement<[string], { nid: number; roomId: RoomId }>(
  `SELECT r.nid AS nid, r.room_id AS roomId FROM memberships m JOIN rooms r ON r.nid = m.room_nid WHERE m.user_id = ? AND m.membership = 'join'`,
)

/** The rooms that a user is joined to. */
export function joinedRoomsOf(reader: Reader, userId: string): readonly { readonly nid: number; readonly roomId: RoomId }[] {
  return joinedRooms(reader).all(userId)
}

const joinedMembers = statement<[number], UserId>(
  `SELECT user_id FROM memberships WHERE room_nid = ? AND membership = 'join'`,
  'pluck',
)

export function joinedMembersOf(reader: Reader, nid: number): readonly UserId[] {
  return joinedMembers(reader).all(nid)
}

const sharing = statement<[string, string], number>(
  `SELECT 1 FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid
   WHERE a.user_id = ? AND a.membership = 'join' AND b.user_id = ? AND b.membership = 'join' LIMIT 1`,
  'pluck',
)

/** Whether two users are joined to a common room. */
export function shareRoom(reader: Reader, one: string, other: string): boolean {
  return sharing(reader).get(one, other) !== undefined
}

const neighbours = statement<[string], UserId>(
  `SELECT DISTINCT b.user_id FROM memberships a JOIN memberships b ON b.room_nid = a.room_nid
   WHERE a.user_id = ? AND a.membership = 'join' AND b.membership = 'join'`,
  'pluck',
)

/** Everybody who shares a room with a user, the user included if joined anywhere. */
export function usersSharingRoomWith(reader: Reader, userId: string): readonly UserId[] {
  return neighbours(reader).all(userId)
}
