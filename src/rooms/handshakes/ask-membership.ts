import Type, { type Static } from 'typebox'
import type { Answered, FederationClient } from '../../federation/client.ts'
import { anyObject } from '../../http/schemas.ts'
import { parseUserId, type RoomId, type ServerName, serverOf, type UserId } from '../../matrix/identifiers.ts'
import { isArray, isObject, type JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import { type RoomVersion, roomVersions } from '../../matrix/room-versions.ts'
import { type Builder, type Built, bareEvent, sealEvent } from '../build.ts'
import type { Refusal } from './refusal.ts'
import type { Wish } from './serve-membership.ts'

const template = Type.Object({
  room_version: Type.Optional(Type.String()),
  event: anyObject,
})
const v1 = '/_matrix/federation/v1'

/** Why a server did not help; `refusal` is what it says itself. */
export type Unhelpful = { readonly problem: string } | { readonly refusal: Refusal }

export interface MembershipWish {
  readonly wish: Wish
  readonly roomId: RoomId
  readonly userId: UserId
  /** What this server puts into the member event. */
  readonly content: JsonObject
}

/** make_join, make_leave or make_knock, and the event of this server that follows from the answer. */
export async function buildWithHelp(
  client: FederationClient,
  builder: Builder,
  server: ServerName,
  { wish, roomId, userId, content }: MembershipWish,
): Promise<{ readonly pdu: Pdu; readonly version: RoomVersion } | Unhelpful> {
  const versions = wish === 'leave' ? '' : `?${[...roomVersions.keys()].map((id) => `ver=${encodeURIComponent(id)}`).join('&')}`
  const target = `${v1}/make_${wish}/${encodeURIComponent(roomId)}/${encodeURIComponent(userId)}${versions}`
  const answer: Answered<Static<typeof template>> = await client.ask(server, { method: 'GET', target, insistent: true }, template)
  if (!('body' in answer)) return answer
  const version = roomVersions.get(answer.body.room_version ?? '1')
  if (!version) return { problem: `room version ${answer.body.room_version} is not known` }
  const built = fillIn(builder, version, { wish, roomId, userId, content }, answer.body.event as JsonObject)
  return 'problem' in built ? { problem: `its template: ${built.problem}` } : { pdu: built.pdu, version }
}

/** Of the template only what this server cannot know: the place in the graph, and who lets the user in. */
function fillIn(
  builder: Builder,
  version: RoomVersion,
  { wish, roomId, userId, content }: MembershipWish,
  event: JsonObject,
): Built {
  if (event.room_id !== roomId) return { problem: 'room_id: another room' }
  if (event.type !== 'm.room.member' || event.sender !== userId || event.state_key !== userId)
    return { problem: 'not the membership of the user' }
  if (!isObject(event.content) || event.content.membership !== wish) return { problem: `content.membership: not ${wish}` }
  const authorisedBy = wish === 'join' ? event.content.join_authorised_via_users_server : undefined
  // Users of this server let nobody in by the word of another one.
  const authoriser = authorisedBy === undefined ? undefined : parseUserId(authorisedBy)
  const isOurs = authoriser !== undefined && serverOf(authoriser) === builder.signer.serverName
  if (authorisedBy !== undefined && (authoriser === undefined || isOurs))
    return { problem: 'content.join_authorised_via_users_server: not a user of another server' }
  const { auth_events, prev_events, depth } = event
  if (!isArray(auth_events) || !isArray(prev_events) || typeof depth !== 'number') return { problem: 'no place in the graph' }
  const filled = {
    ...content,
    membership: wish,
    ...(authorisedBy !== undefined && { join_authorised_via_users_server: authorisedBy }),
  }
  const draft = { type: 'm.room.member', stateKey: userId, sender: userId, content: filled }
  return sealEvent(builder, version, bareEvent(builder, version, roomId, draft, { auth_events, prev_events, depth }))
}
