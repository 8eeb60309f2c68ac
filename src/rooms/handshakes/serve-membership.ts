import { badJson, forbidden, invalidParam, limitExceeded, MatrixError, notFound } from '../../http/errors.ts'
import { authorize } from '../../matrix/authorisation/authorize.ts'
import { checkFormat, toPdu } from '../../matrix/format.ts'
import type { EventId, RoomId, ServerName, UserId } from '../../matrix/identifiers.ts'
import { parseUserId, serverOf } from '../../matrix/identifiers.ts'
import { isObject, type JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { Position, Reader } from '../../storage/handles.ts'
import type { Storage } from '../../storage/storage.ts'
import { admit } from '../admit.ts'
import { type Builder, templateOf } from '../build.ts'
import { distribute } from '../distribute.ts'
import { EventStatus, findEvent, versionOf, wasRefused } from '../event-store.ts'
import { isEndTooMany } from '../heads.ts'
import { findRoom, type Room, roomOf } from '../members.ts'
import type { VerifyEvents } from '../receiving/check.ts'
import { hasState } from '../receiving/fetch.ts'
import { authoriseJoin } from '../restricted.ts'
import { mistakenId } from '../same-event.ts'
import { serverMayTakePart } from '../server-acl.ts'
import { isServerIn } from '../servers.ts'
import { currentLookup } from '../state.ts'

export interface ServeDeps {
  readonly storage: Storage
  readonly builder: Builder
  readonly verify: VerifyEvents
}

export type Wish = 'join' | 'leave' | 'knock'

const noEventId = '$template' as EventId

/** The room, if another server may take part in it; or the error that ends its request. */
function roomFor(reader: Reader, roomId: string, origin: ServerName, serverName: ServerName): Room {
  const room = findRoom(reader, roomId)
  if (!room || !isServerIn(reader, room.nid, serverName)) throw notFound('roomId: this server is not in such a room')
  if (!serverMayTakePart(reader, room, origin)) throw forbidden('This room does not take anything from your server')
  return room
}

/** make_join, make_leave and make_knock: an event that the other server may fill in and sign. */
export function makeTemplate(
  { storage, builder }: ServeDeps,
  origin: ServerName,
  wish: Wish,
  roomId: string,
  userId: string,
  versions: readonly string[] | undefined,
): { readonly room_version: string; readonly event: JsonObject } {
  const { reader } = storage
  const sender = parseUserId(userId)
  if (sender === undefined || serverOf(sender) !== origin) throw forbidden('userId: not a user of your server')
  const room = roomFor(reader, roomId, origin, builder.signer.serverName)
  if (versions && !versions.includes(room.version)) throw incompatible(room.version)
  if (wish === 'knock' && !versionOf(room).auth.knocking) throw forbidden('This room cannot be knocked on')
  const content: JsonObject = { membership: wish, ...(wish === 'join' && authoriserFor(reader, room, sender, builder)) }
  const event = templateOf(reader, builder, room, { type: 'm.room.member', stateKey: sender, sender, content })
  const pdu = toPdu({ ...event, signatures: {}, hashes: {} }, versionOf(room), noEventId)
  const verdict = authorize(versionOf(room), pdu, currentLookup(reader, room))
  if (!verdict.ok) throw forbidden(verdict.reason)
  return { room_version: room.version, event: { ...event, origin: builder.signer.serverName } }
}

export function incompatible(version: string): MatrixError {
  return new MatrixError(400, 'M_INCOMPATIBLE_ROOM_VERSION', `ver: the room has version ${version}`, { room_version: version })
}

function authoriserFor(reader: Reader, room: Room, userId: UserId, builder: Builder): JsonObject {
  const authorisation = authoriseJoin(reader, room, userId, builder.signer.serverName)
  switch (authorisation.outcome) {
    case 'not-needed':
      return {}
    case 'granted':
      return { join_authorised_via_users_server: authorisation.by }
    case 'refused':
      throw forbidden('The user is not in a room whose members may join this one')
    case 'unknown':
      throw new MatrixError(400, 'M_UNABLE_TO_AUTHORISE_JOIN', 'This server cannot tell whether the user may join')
    case 'nobody':
      throw new MatrixError(400, 'M_UNABLE_TO_GRANT_JOIN', 'Nobody on this server may let the user in')
  }
}

/** What send_join, send_leave and send_knock brought about. */
export interface Sent {
  readonly room: Room
  readonly pdu: Pdu
  readonly position: Position
}

/** send_join, send_leave and send_knock: takes the filled in and signed event into the room, and tells the other servers. */
export async function takeMembership(
  deps: ServeDeps,
  origin: ServerName,
  wish: Wish,
  roomId: string,
  eventId: string,
  body: JsonObject,
): Promise<Sent> {
  const { storage, builder, verify } = deps
  const room = roomFor(storage.reader, roomId, origin, builder.signer.serverName)
  const version = versionOf(room)
  const problem = checkFormat(body, version) ?? membershipProblem(body, wish, room.roomId, origin)
  if (problem) throw badJson(problem)
  if (toPdu(body, version).eventId !== eventId) throw invalidParam('eventId: not the id of this event')
  const raw = wish === 'join' ? withOwnWord(storage.reader, room, body, builder) : body
  const [receipt] = await verify([{ raw, version }], [origin])
  if (receipt?.verdict !== 'use') {
    throw receipt?.verdict === 'drop' ? forbidden(receipt.problem) : invalidParam('hashes: do not fit the event')
  }
  const pdu = toPdu(raw, version)
  return storage.write((tx) => {
    const present = roomOf(tx, room.nid)
    const known = findEvent(tx, pdu.eventId)
    if (known) {
      const mistake = mistakenId(tx, present, known, pdu)
      if (mistake !== undefined) throw invalidParam(mistake)
      // It may have come another way first, and been refused.
      if (wasRefused(known)) throw forbidden('This event was refused before')
      // The other server may not have heard the answer.
      if ((known.status & EventStatus.outlier) === 0) return { room: present, pdu, position: known.position }
    }
    if (!pdu.prevEvents.every((id) => hasState(tx, present, id))) throw badJson('prev_events: not known here')
    if (isEndTooMany(tx, present, pdu)) throw limitExceeded(10_000)
    const admission = admit(tx, present, pdu)
    if (!admission.ok) throw forbidden(admission.reason)
    distribute(tx, builder, room.nid, pdu, admission.position)
    return { room: roomOf(tx, room.nid), pdu, position: admission.position }
  })
}

/** This server must never take, or sign, anything but the membership that it is asked for. */
function membershipProblem(raw: JsonObject, membership: string, roomId: RoomId, origin: ServerName): string | undefined {
  if (raw.type !== 'm.room.member') return 'type: must be m.room.member'
  if (!isObject(raw.content) || raw.content.membership !== membership) return `content.membership: must be ${membership}`
  if (raw.room_id !== roomId) return 'room_id: another room'
  const sender = parseUserId(raw.sender)
  if (sender === undefined || serverOf(sender) !== origin) return 'sender: not a user of your server'
  if (raw.state_key !== raw.sender) return 'state_key: must be the sender'
  return undefined
}

/** Where somebody of this server is named as the one who lets the user in, this server signs that, if it is so. */
function withOwnWord(reader: Reader, room: Room, raw: JsonObject, builder: Builder): JsonObject {
  const named = isObject(raw.content) ? parseUserId(raw.content.join_authorised_via_users_server) : undefined
  if (named === undefined || serverOf(named) !== builder.signer.serverName) return raw
  authoriserFor(reader, room, raw.sender as UserId, builder)
  return builder.signer.signEvent(raw, versionOf(room))
}
