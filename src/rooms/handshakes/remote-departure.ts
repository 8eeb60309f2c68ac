import Type from 'typebox'
import { type Answered, isUnknownThere } from '../../federation/client.ts'
import { anyObject } from '../../http/schemas.ts'
import type { RoomId, ServerName, UserId } from '../../matrix/identifiers.ts'
import type { JsonObject, JsonValue } from '../../matrix/json.ts'
import type { Writer } from '../../storage/handles.ts'
import { type Builder, bareEvent, referencesTo, sealEvent } from '../build.ts'
import { eventAt, versionOf } from '../event-store.ts'
import { memberOf, type Room } from '../members.ts'
import { buildWithHelp, type Unhelpful } from './ask-membership.ts'
import { keepStripped, knownRoom, storeMembership } from './out-of-band.ts'
import type { RemoteJoinDeps } from './remote-join.ts'

const oldNothing = Type.Tuple([Type.Literal(200), anyObject])
const knocked = Type.Object({ knock_room_state: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 500 })) })
const limits = { total: 30_000 }

/** Ends an invitation or a knock of a user with the help of a server that is in the room. Undefined: done, and on disk. */
export async function leaveThrough(
  { storage, client, builder }: RemoteJoinDeps,
  server: ServerName,
  roomId: RoomId,
  userId: UserId,
  content: JsonObject,
): Promise<Unhelpful | undefined> {
  const built = await buildWithHelp(client, builder, server, { wish: 'leave', roomId, userId, content })
  if (!('pdu' in built)) return built
  const place = `send_leave/${encodeURIComponent(roomId)}/${encodeURIComponent(built.pdu.eventId)}`
  const put = { method: 'PUT', insistent: true, content: built.pdu.raw, limits } as const
  let answer: Answered<unknown> = await client.ask(server, { ...put, target: `/_matrix/federation/v2/${place}` }, anyObject)
  if (isUnknownThere(answer)) answer = await client.ask(server, { ...put, target: `/_matrix/federation/v1/${place}` }, oldNothing)
  if (!('body' in answer)) return answer
  return storage.write((tx) => {
    const room = knownRoom(tx, roomId, built.version)
    if (!room) return { problem: 'the room is known with another version' }
    storeMembership(tx, room, built.pdu)
    return undefined
  })
}

/** Knocks on a room with the help of a server that is in it. Undefined: done, and on disk. */
export async function knockThrough(
  { storage, client, builder }: RemoteJoinDeps,
  server: ServerName,
  roomId: RoomId,
  userId: UserId,
  content: JsonObject,
): Promise<Unhelpful | undefined> {
  const built = await buildWithHelp(client, builder, server, { wish: 'knock', roomId, userId, content })
  if (!('pdu' in built)) return built
  const target = `/_matrix/federation/v1/send_knock/${encodeURIComponent(roomId)}/${encodeURIComponent(built.pdu.eventId)}`
  const answer = await client.ask(server, { method: 'PUT', target, content: built.pdu.raw, limits, insistent: true }, knocked)
  if (!('body' in answer)) return answer
  const state = (answer.body.knock_room_state ?? []) as JsonValue[]
  return storage.write((tx) => {
    const room = knownRoom(tx, roomId, built.version)
    if (!room) return { problem: 'the room is known with another version' }
    storeMembership(tx, room, built.pdu)
    keepStripped(tx, room.nid, userId, state)
    return undefined
  })
}

/**
 * Ends a membership here alone, where no server of the room can be asked: nobody may be kept in an invitation by servers that are gone.
 * The event stands on the membership that it ends.
 */
export function leaveAlone(tx: Writer, builder: Builder, room: Room, userId: UserId, content: JsonObject): void {
  const member = memberOf(tx, room.nid, userId)
  if (!member) return
  const version = versionOf(room)
  const before = referencesTo(tx, version, [member.position])
  const depth = depthAt(eventAt(tx, member.position).json) + 1
  const draft = { type: 'm.room.member', stateKey: userId, sender: userId, content: { ...content, membership: 'leave' } }
  const bare = bareEvent(builder, version, room.roomId, draft, { auth_events: before, prev_events: before, depth })
  const built = sealEvent(builder, version, bare)
  if ('problem' in built) throw new Error(built.problem)
  storeMembership(tx, room, built.pdu)
}

function depthAt(json: string): number {
  const { depth } = JSON.parse(json) as { depth: number }
  return Math.min(depth, 2 ** 53 - 2)
}
