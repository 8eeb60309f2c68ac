import { forbidden, MatrixError, notFound, unknown } from '../http/errors.ts'
import { serverOf, type UserId } from '../matrix/identifiers.ts'
import { isObject, type JsonObject } from '../matrix/json.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { resolveAlias } from './aliases.ts'
import type { Builder } from './build.ts'
import { emit } from './emit.ts'
import { versionOf } from './event-store.ts'
import { findRoom, isJoined, joinedMembersOf, joinedRoomsOf, type Member, memberOf, type Room, roomOf } from './members.ts'
import { currentStateContent, powerLevelsOf } from './state.ts'

export interface MembershipDeps {
  readonly storage: Storage
  readonly builder: Builder
  profileOf(reader: Reader, userId: string): JsonObject
  /** Why a user cannot be invited, for instance because this server knows that there is no such user. */
  inviteProblem(reader: Reader, userId: string): string | undefined
}

/** Every verb answers when it is on disk; source: client-server API, "Room membership". */
export interface MembershipVerbs {
  /** `content`: what the client adds to the member event, such as a reason. */
  join(userId: UserId, roomIdOrAlias: string, content: JsonObject): Promise<string>
  knock(userId: UserId, roomIdOrAlias: string, reason: string | undefined): Promise<string>
  leave(userId: UserId, roomId: string, reason: string | undefined): Promise<void>
  invite(userId: UserId, roomId: string, target: string, reason: string | undefined): Promise<void>
  kick(userId: UserId, roomId: string, target: string, reason: string | undefined): Promise<void>
  ban(userId: UserId, roomId: string, target: string, reason: string | undefined): Promise<void>
  unban(userId: UserId, roomId: string, target: string, reason: string | undefined): Promise<void>
  forget(userId: UserId, roomId: string): Promise<void>
  /** Writes a changed profile into the member events of all joined rooms, a few at a time. */
  announceProfile(userId: UserId): Promise<void>
  /** Ends every membership and invitation of a user, inside a write of others. */
  leaveAll(tx: Writer, userId: UserId): void
}

export function createMembership({ storage, builder, profileOf, inviteProblem }: MembershipDeps): MembershipVerbs {
  function put(tx: Writer, room: Room, sender: UserId, target: string, membership: string, more: JsonObject): void {
    emit(tx, builder, room, { type: 'm.room.member', stateKey: target, sender, content: { ...more, membership } })
  }

  /** A change by somebody about another: kick, ban, unban. */
  function judgeOther(membership: 'leave' | 'ban', check: (target: Member | undefined) => void) {
    return (userId: UserId, roomId: string, target: string, reason: string | undefined): Promise<void> =>
      storage.write((tx) => {
        const room = knownRoom(tx, roomId)
        if (!isJoined(tx, room.nid, userId)) throw forbidden('You are not in this room')
        const member = memberOf(tx, room.nid, target)
        check(member)
        put(tx, room, userId, target, membership, withReason(reason))
      })
  }

  return {
    join: (userId, roomIdOrAlias, content) =>
      storage.write((tx) => {
        const room = roomByIdOrAlias(tx, roomIdOrAlias)
        const member = memberOf(tx, room.nid, userId)
        if (member?.membership === 'join') return room.roomId
        const authorisedBy = member?.membership === 'invite' ? undefined : authoriserFor(tx, room, userId, builder)
        put(tx, room, userId, userId, 'join', {
          ...profileOf(tx, userId),
          ...content,
          ...(authorisedBy !== undefined && { join_authorised_via_users_server: authorisedBy }),
        })
        return room.roomId
      }),
    knock: (userId, roomIdOrAlias, reason) =>
      storage.write((tx) => {
        const room = roomByIdOrAlias(tx, roomIdOrAlias)
        const member = memberOf(tx, room.nid, userId)
        if (member?.membership === 'knock') return room.roomId
        if (!versionOf(room).auth.knocking) throw forbidden('This room cannot be knocked on')
        put(tx, room, userId, userId, 'knock', { ...profileOf(tx, userId), ...withReason(reason) })
        return room.roomId
      }),
    leave: (userId, roomId, reason) =>
      storage.write((tx) => {
        const room = findRoom(tx, roomId)
        const member = room && memberOf(tx, room.nid, userId)
        if (!room || !member) throw forbidden('You are not in this room')
        if (member.membership === 'leave') return
        put(tx, room, userId, userId, 'leave', withReason(reason))
      }),
    invite: (userId, roomId, target, reason) =>
      storage.write((tx) => {
        const room = knownRoom(tx, roomId)
        if (!isJoined(tx, room.nid, userId)) throw forbidden('You are not in this room')
        const problem = inviteProblem(tx, target)
        if (problem) throw notFound(`user_id: ${problem}`)
        if (memberOf(tx, room.nid, target)?.membership === 'invite') return
        put(tx, room, userId, target, 'invite', { ...profileOf(tx, target), ...withReason(reason) })
      }),
    kick: judgeOther('leave', (member) => {
      if (!member || member.membership === 'leave' || member.membership === 'ban')
        throw forbidden('That user is not in this room')
    }),
    ban: judgeOther('ban', () => undefined),
    unban: judgeOther('leave', (member) => {
      if (member?.membership !== 'ban') throw forbidden('That user is not banned from this room')
    }),
    forget: (userId, roomId) =>
      storage.write((tx) => {
        const room = findRoom(tx, roomId)
        const member = room && memberOf(tx, room.nid, userId)
        if (!room || !member) throw notFound('You have nothing to do with this room')
        if (member.membership !== 'leave' && member.membership !== 'ban') throw unknown('Leave the room before you forget it')
        markForgotten(tx).run(room.nid, userId)
      }),
    async announceProfile(userId) {
      for (const { nid } of joinedRoomsOf(storage.reader, userId)) {
        await storage.write((tx) => {
          // Things may have changed since the list was read.
          if (!isJoined(tx, nid, userId)) return
          const { displayname: _name, avatar_url: _avatar, ...kept } = currentStateContent(tx, nid, 'm.room.member', userId) ?? {}
          const { join_authorised_via_users_server: _authoriser, reason: _reason, ...content } = kept
          put(tx, roomOf(tx, nid), userId, userId, 'join', { ...content, ...profileOf(tx, userId) })
        })
      }
    },
    leaveAll(tx, userId) {
      for (const nid of everyRoom(tx).all(userId)) put(tx, roomOf(tx, nid), userId, userId, 'leave', {})
    },
  }
}

const markForgotten = statement<[number, string], never>(
  'UPDATE memberships SET forgotten = 1 WHERE room_nid = ? AND user_id = ?',
)
const everyRoom = statement<[string], number>(
  "SELECT room_nid FROM memberships WHERE user_id = ? AND membership IN ('join', 'invite', 'knock')",
  'pluck',
)

function withReason(reason: string | undefined): JsonObject {
  return reason === undefined ? {} : { reason }
}

/** Which rooms exist is nobody's business outside of them. */
function knownRoom(reader: Reader, roomId: string): Room {
  const room = findRoom(reader, roomId)
  if (!room) throw forbidden('You are not in this room')
  return room
}

function roomByIdOrAlias(reader: Reader, roomIdOrAlias: string): Room {
  const nid = roomIdOrAlias.startsWith('#') ? resolveAlias(reader, roomIdOrAlias) : findRoom(reader, roomIdOrAlias)?.nid
  if (nid === undefined) throw notFound('There is no such room here')
  return roomOf(reader, nid)
}

/**
 * A user of this server who may let somebody into a restricted room, where its conditions are met; undefined: the join needs none.
 * Source: client-server API, "Restricted rooms".
 */
function authoriserFor(reader: Reader, room: Room, userId: string, builder: Builder): string | undefined {
  const rules = currentStateContent(reader, room.nid, 'm.room.join_rules', '')
  const rule = rules?.join_rule
  const { restrictedJoins, knockRestricted } = versionOf(room).auth
  if (!(rule === 'restricted' && restrictedJoins) && !(rule === 'knock_restricted' && knockRestricted)) return undefined
  if (!mayEnter(reader, userId, rules?.allow)) throw forbidden('You are not in a room whose members may join this one')
  const levels = powerLevelsOf(reader, room)
  const authoriser = joinedMembersOf(reader, room.nid).find(
    (member) => serverOf(member) === builder.signer.serverName && levels.ofUser(member) >= levels.invite,
  )
  if (authoriser === undefined)
    throw new MatrixError(400, 'M_UNABLE_TO_GRANT_JOIN', 'Nobody on this server may let you into this room')
  return authoriser
}

function mayEnter(reader: Reader, userId: string, allow: unknown): boolean {
  if (!Array.isArray(allow)) return false
  return allow.some((condition: unknown) => {
    if (!isObject(condition) || condition.type !== 'm.room_membership' || typeof condition.room_id !== 'string') return false
    const other = findRoom(reader, condition.room_id)
    return other !== undefined && isJoined(reader, other.nid, userId)
  })
}
