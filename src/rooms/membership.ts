import { forbidden, invalidParam, MatrixError, notFound, unknown } from '../http/errors.ts'
import {
  parseRoomAlias,
  parseRoomId,
  parseUserId,
  type RoomAlias,
  type RoomId,
  serverOf,
  type UserId,
} from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { resolveAlias } from './aliases.ts'
import type { Builder } from './build.ts'
import { emit, enterOwn } from './emit.ts'
import { versionOf } from './event-store.ts'
import { type InviteDeps, signedInvitation } from './handshakes/invite-others.ts'
import { leaveAlone } from './handshakes/remote-departure.ts'
import type { RemoteMembership } from './handshakes/remote-membership.ts'
import { findRoom, isJoined, joinedRoomsOf, type Member, memberOf, type Room, roomOf } from './members.ts'
import { authoriseJoin } from './restricted.ts'
import { isServerIn } from './servers.ts'
import { currentStateContent } from './state.ts'

export interface MembershipDeps {
  readonly storage: Storage
  readonly builder: Builder
  profileOf(reader: Reader, userId: string): JsonObject
  /** Why a user cannot be invited, for instance because this server knows that there is no such user. */
  inviteProblem(reader: Reader, userId: string): string | undefined
  /** Absent: this server does not speak with others. */
  readonly others?: OtherServers | undefined
}

export interface OtherServers {
  readonly membership: RemoteMembership
  readonly invite: InviteDeps
  /** The room that an alias of another server leads to, and servers that may help; ends the request where there is none. */
  resolveAlias(alias: RoomAlias): Promise<{ readonly roomId: RoomId; readonly servers: readonly string[] }>
}

/** Every verb answers when it is on disk; source: client-server API, "Room membership". */
export interface MembershipVerbs {
  /** `content`: what the client adds to the member event, such as a reason. `via`: servers that may help. */
  join(userId: UserId, roomIdOrAlias: string, content: JsonObject, via: readonly string[]): Promise<string>
  knock(userId: UserId, roomIdOrAlias: string, reason: string | undefined, via: readonly string[]): Promise<string>
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
  /** An invitation to a user of another server, as part of making a room. */
  inviteElsewhere(room: Room, userId: UserId, target: UserId, content: JsonObject): Promise<void>
}

export function createMembership({ storage, builder, profileOf, inviteProblem, others }: MembershipDeps): MembershipVerbs {
  const own = builder.signer.serverName

  /** The room that is meant, and servers that may help to get into it. */
  async function placeOf(roomIdOrAlias: string, via: readonly string[]): Promise<{ roomId: RoomId; via: readonly string[] }> {
    const roomId = parseRoomId(roomIdOrAlias)
    if (roomId !== undefined) return { roomId, via }
    const alias = parseRoomAlias(roomIdOrAlias)
    if (alias === undefined) throw invalidParam('roomIdOrAlias: neither a room id nor an alias')
    const nid = resolveAlias(storage.reader, alias)
    if (nid !== undefined) return { roomId: roomOf(storage.reader, nid).roomId, via }
    if (serverOf(alias) === own || !others) throw notFound('There is no such room here')
    const found = await others.resolveAlias(alias)
    return { roomId: found.roomId, via: [...via, ...found.servers] }
  }

  /** False: it takes the word of another server. */
  function joinAlone(userId: UserId, roomId: RoomId, content: JsonObject): Promise<boolean> {
    return storage.write((tx) => {
      const room = findRoom(tx, roomId)
      if (!room) throw notFound('There is no such room here')
      if (isJoined(tx, room.nid, userId)) return true
      const authorisation = authoriseJoin(tx, room, userId, own)
      const needsOthers = authorisation.outcome === 'unknown' || authorisation.outcome === 'nobody'
      if (needsOthers && others) return false
      if (authorisation.outcome === 'refused' || authorisation.outcome === 'unknown')
        throw forbidden('You are not in a room whose members may join this one')
      if (authorisation.outcome === 'nobody')
        throw new MatrixError(400, 'M_UNABLE_TO_GRANT_JOIN', 'Nobody on this server may let you into this room')
      put(tx, room, userId, userId, 'join', {
        ...profileOf(tx, userId),
        ...content,
        ...(authorisation.outcome === 'granted' && { join_authorised_via_users_server: authorisation.by }),
      })
      return true
    })
  }

  async function inviteElsewhere(
    servers: OtherServers,
    room: Room,
    userId: UserId,
    target: UserId,
    content: JsonObject,
  ): Promise<void> {
    const pdu = await signedInvitation(servers.invite, room, userId, target, content)
    await storage.write((tx) => enterOwn(tx, builder, roomOf(tx, room.nid), pdu))
  }

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
    async join(userId, roomIdOrAlias, content, via) {
      const place = await placeOf(roomIdOrAlias, via)
      const alone = () => joinAlone(userId, place.roomId, content)
      if (others) {
        const more = { ...profileOf(storage.reader, userId), ...content }
        await others.membership.join({ ...place, userId, content: more }, alone)
      } else await alone()
      return place.roomId
    },
    async knock(userId, roomIdOrAlias, reason, via) {
      const place = await placeOf(roomIdOrAlias, via)
      const known = findRoom(storage.reader, place.roomId)
      const content = { ...profileOf(storage.reader, userId), ...withReason(reason) }
      if (others && !(known && isServerIn(storage.reader, known.nid, own))) {
        await others.membership.knock({ ...place, userId, content })
        return place.roomId
      }
      await storage.write((tx) => {
        const room = findRoom(tx, place.roomId)
        if (!room) throw notFound('There is no such room here')
        if (memberOf(tx, room.nid, userId)?.membership === 'knock') return
        if (!versionOf(room).auth.knocking) throw forbidden('This room cannot be knocked on')
        put(tx, room, userId, userId, 'knock', content)
      })
      return place.roomId
    },
    async leave(userId, roomId, reason) {
      const known = findRoom(storage.reader, roomId)
      const member = known && memberOf(storage.reader, known.nid, userId)
      if (!known || !member) throw forbidden('You are not in this room')
      if (member.membership === 'leave') return
      if (others && !isServerIn(storage.reader, known.nid, own)) {
        await others.membership.leave(known, userId, withReason(reason))
        return
      }
      await storage.write((tx) => {
        const room = roomOf(tx, known.nid)
        if (memberOf(tx, room.nid, userId)?.membership === 'leave') return
        put(tx, room, userId, userId, 'leave', withReason(reason))
      })
    },
    async invite(userId, roomId, target, reason) {
      const elsewhere = parseUserId(target)
      if (others && elsewhere !== undefined && serverOf(elsewhere) !== own) {
        const room = knownRoom(storage.reader, roomId)
        if (!isJoined(storage.reader, room.nid, userId)) throw forbidden('You are not in this room')
        if (memberOf(storage.reader, room.nid, target)?.membership === 'invite') return
        await inviteElsewhere(others, room, userId, elsewhere, withReason(reason))
        return
      }
      await storage.write((tx) => {
        const room = knownRoom(tx, roomId)
        if (!isJoined(tx, room.nid, userId)) throw forbidden('You are not in this room')
        const problem = inviteProblem(tx, target)
        if (problem) throw notFound(`user_id: ${problem}`)
        if (memberOf(tx, room.nid, target)?.membership === 'invite') return
        put(tx, room, userId, target, 'invite', { ...profileOf(tx, target), ...withReason(reason) })
      })
    },
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
    async inviteElsewhere(room, userId, target, content) {
      if (!others) throw forbidden('This server does not speak with others')
      await inviteElsewhere(others, room, userId, target, content)
    },
    leaveAll(tx, userId) {
      for (const nid of everyRoom(tx).all(userId)) {
        const room = roomOf(tx, nid)
        if (isServerIn(tx, nid, own)) put(tx, room, userId, userId, 'leave', {})
        else leaveAlone(tx, builder, room, userId, {})
      }
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
