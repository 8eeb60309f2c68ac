import { joinedRoomsOf, roomOf } from '../rooms/members.ts'
import type { Reader, WakeKey } from '../storage/handles.ts'

/** In larger rooms nobody is woken for presence: they learn of it with whatever else comes. */
export const maxWokenMembers = 200

/** Whom a user's presence wakes: those in their rooms. */
export function audienceOf(reader: Reader, userId: string): WakeKey[] {
  return joinedRoomsOf(reader, userId)
    .filter(({ nid }) => roomOf(reader, nid).joinedMembers <= maxWokenMembers)
    .map(({ nid }): WakeKey => `room/${nid}`)
}
