import { badJson, forbidden, invalidParam, notFound } from '../../http/errors.ts'
import { checkFormat, toPdu } from '../../matrix/format.ts'
import { parseRoomId, parseUserId, type ServerName, serverOf } from '../../matrix/identifiers.ts'
import { isObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import { type RoomVersion, roomVersions } from '../../matrix/room-versions.ts'
import { type Reader, statement } from '../../storage/handles.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Builder } from '../build.ts'
import { findEvent } from '../event-store.ts'
import { memberOf } from '../members.ts'
import type { VerifyEvents } from '../receiving/check.ts'
import { serverMayTakePart } from '../server-acl.ts'
import { isServerIn } from '../servers.ts'
import { keepStripped, knownRoom, storeMembership } from './out-of-band.ts'
import { incompatible } from './serve-membership.ts'

/** Invitations that one user has not answered. */
const maxWaiting = 1000
const waiting = statement<[string, number], number>(
  `SELECT count(*) FROM (SELECT 1 FROM memberships WHERE user_id = ? AND membership = 'invite' LIMIT ?)`,
  'pluck',
)

export interface BeInvitedDeps {
  readonly storage: Storage
  readonly builder: Builder
  readonly verify: VerifyEvents
  /** Why a user of this server cannot be invited. */
  inviteProblem(reader: Reader, userId: string): string | undefined
}

export interface Invitation {
  readonly roomId: string
  readonly eventId: string
  readonly version: string
  readonly event: JsonObject
  readonly roomState: readonly JsonValue[]
}

/**
 * Signs an invitation for a user of this server and shows it to the user. Nothing but an invitation is ever signed here. Answers the
 * signed event. Source: server-server API, PUT /v2/invite/{roomId}/{eventId}.
 */
export async function takeInvitation(deps: BeInvitedDeps, origin: ServerName, invitation: Invitation): Promise<JsonObject> {
  const { storage, builder, verify } = deps
  const version = roomVersions.get(invitation.version)
  if (!version) throw incompatible(invitation.version)
  const pdu = checkedInvitation(invitation, version, origin, builder.signer.serverName)
  const userId = pdu.stateKey ?? ''
  const problem = deps.inviteProblem(storage.reader, userId)
  if (problem) throw notFound(`state_key: ${problem}`)
  const [receipt] = await verify([{ raw: pdu.raw, version }], [origin])
  if (receipt?.verdict !== 'use') throw invalidParam('event: neither hash nor signature may be missing or wrong')
  if (version.auth.createEventIsRoomId) await requireCreate(deps, invitation, version, origin)
  const signed = toPdu(builder.signer.signEvent(pdu.raw, version), version, pdu.eventId)
  const tooLarge = checkFormat(signed.raw, version)
  if (tooLarge) throw badJson(`event: with another signature, ${tooLarge}`)
  await storage.write((tx) => {
    const room = knownRoom(tx, signed.roomId, version)
    if (!room) throw invalidParam('room_version: the room is known here with another one')
    if (!serverMayTakePart(tx, room, origin)) throw forbidden('This room does not take anything from your server')
    if (isServerIn(tx, room.nid, builder.signer.serverName)) {
      const membership = memberOf(tx, room.nid, userId)?.membership
      if (membership === 'join' || membership === 'ban') throw forbidden(`The user's membership is ${membership}`)
      // The event comes with everything else of the room.
      return
    }
    if (findEvent(tx, signed.eventId)) return
    if (waiting(tx).get(userId, maxWaiting) === maxWaiting) throw forbidden('The user has too many invitations already')
    storeMembership(tx, room, signed)
    keepStripped(tx, room.nid, userId, invitation.roomState)
  })
  return signed.raw
}

function checkedInvitation(
  { roomId, eventId, event }: Invitation,
  version: RoomVersion,
  origin: ServerName,
  serverName: ServerName,
): Pdu {
  const { unsigned: _unsigned, ...raw } = event
  const problem = checkFormat(raw, version)
  if (problem) throw badJson(`event: ${problem}`)
  const pdu = toPdu(raw, version)
  if (pdu.eventId !== eventId) throw invalidParam('eventId: not the id of this event')
  if (pdu.roomId !== roomId || parseRoomId(roomId) === undefined) throw invalidParam('room_id: another room')
  if (pdu.type !== 'm.room.member' || pdu.content.membership !== 'invite') throw invalidParam('event: no invitation')
  if (serverOf(pdu.sender) !== origin) throw invalidParam('sender: not a user of your server')
  const target = parseUserId(pdu.stateKey)
  if (target === undefined || serverOf(target) !== serverName) throw invalidParam('state_key: not a user of this server')
  return pdu
}

/** From room version 12 on the create event proves which room it is: it must be there, and be the one that the room id names. */
async function requireCreate(
  deps: BeInvitedDeps,
  invitation: Invitation,
  version: RoomVersion,
  origin: ServerName,
): Promise<void> {
  const raw = invitation.roomState.find((one) => isObject(one) && one.type === 'm.room.create' && one.state_key === '') as
    | JsonObject
    | undefined
  if (!raw || checkFormat(raw, version) !== undefined) throw invalidParam('invite_room_state: must have the m.room.create event')
  const [receipt] = await deps.verify([{ raw, version }], [origin])
  if (receipt?.verdict !== 'use' || toPdu(raw, version).roomId !== invitation.roomId)
    throw invalidParam('invite_room_state: the m.room.create event is not the one of this room')
}
