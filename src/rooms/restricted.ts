import { type ServerName, serverOf } from '../matrix/identifiers.ts'
import { isObject } from '../matrix/json.ts'
import type { Reader } from '../storage/handles.ts'
import { versionOf } from './event-store.ts'
import { findRoom, isJoined, joinedMembersOf, memberOf, type Room } from './members.ts'
import { isServerIn } from './servers.ts'
import { currentStateContent, powerLevelsOf } from './state.ts'

export type Authorisation =
  /** The join rules ask for no member's word, or the user was invited. */
  | { readonly outcome: 'not-needed' }
  | { readonly outcome: 'granted'; readonly by: string }
  /** In none of the rooms that would open this one. */
  | { readonly outcome: 'refused' }
  /** This server is in none of those rooms and cannot tell. */
  | { readonly outcome: 'unknown' }
  /** Nobody of this server may let anybody in. */
  | { readonly outcome: 'nobody' }

/** Whose word lets a user into a restricted room. Source: client-server API, "Restricted rooms"; server-server API, the same. */
export function authoriseJoin(reader: Reader, room: Room, userId: string, serverName: ServerName): Authorisation {
  const rules = currentStateContent(reader, room.nid, 'm.room.join_rules', '')
  const rule = rules?.join_rule
  const { restrictedJoins, knockRestricted } = versionOf(room).auth
  const isRestricted = (rule === 'restricted' && restrictedJoins) || (rule === 'knock_restricted' && knockRestricted)
  const membership = memberOf(reader, room.nid, userId)?.membership
  if (!isRestricted || membership === 'invite' || membership === 'join') return { outcome: 'not-needed' }
  const named = roomsIn(rules?.allow)
  if (named.length === 0) return { outcome: 'refused' }
  const opening = named.flatMap((roomId) => findRoom(reader, roomId) ?? [])
  const present = opening.filter(({ nid }) => isServerIn(reader, nid, serverName))
  if (!present.some(({ nid }) => isJoined(reader, nid, userId))) return { outcome: present.length > 0 ? 'refused' : 'unknown' }
  const levels = powerLevelsOf(reader, room)
  const by = joinedMembersOf(reader, room.nid).find(
    (member) => serverOf(member) === serverName && levels.ofUser(member) >= levels.invite,
  )
  return by === undefined ? { outcome: 'nobody' } : { outcome: 'granted', by }
}

/** The rooms that the `allow` of join rules names. */
export function roomsIn(allow: unknown): string[] {
  if (!Array.isArray(allow)) return []
  return allow.flatMap((condition: unknown) =>
    isObject(condition) && condition.type === 'm.room_membership' && typeof condition.room_id === 'string'
      ? [condition.room_id]
      : [],
  )
}
