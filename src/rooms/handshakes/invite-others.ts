import Type from 'typebox'
import { type FederationClient, isUnknownThere } from '../../federation/client.ts'
import { badGateway, badJson, forbidden } from '../../http/errors.ts'
import { anyObject } from '../../http/schemas.ts'
import { authorize } from '../../matrix/authorisation/authorize.ts'
import { type ServerName, serverOf, type UserId } from '../../matrix/identifiers.ts'
import { isObject, type JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { Log } from '../../platform/log.ts'
import type { Position, Reader } from '../../storage/handles.ts'
import type { Storage } from '../../storage/storage.ts'
import { type Builder, buildEvent } from '../build.ts'
import { pduText, versionOf } from '../event-store.ts'
import type { Room } from '../members.ts'
import type { VerifyEvents } from '../receiving/check.ts'
import { currentEntry, currentLookup } from '../state.ts'
import { errorFor } from './refusal.ts'

export interface InviteDeps {
  readonly storage: Storage
  readonly client: FederationClient
  readonly builder: Builder
  readonly verify: VerifyEvents
  readonly log: Log
}

const answered = Type.Object({ event: anyObject })
const oldAnswered = Type.Tuple([Type.Literal(200), answered])
const limits = { total: 30_000 }

/** What an invited user may know of the room before joining; source: client-server API, "Stripped state". */
const strippedTypes = [
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
]

/** Entries of the current state that people outside may see, and the membership of who writes to them. */
export function strippedPositions(reader: Reader, nid: number, sender?: string): readonly Position[] {
  const member = sender === undefined ? undefined : currentEntry(reader, nid, 'm.room.member', sender)
  const positions = [...strippedTypes.map((type) => currentEntry(reader, nid, type, '')), member]
  return positions.flatMap((position) => position ?? [])
}

/**
 * An invitation that the server of the invited user has signed too, ready to be admitted; ends the request where that server refuses or
 * cannot be reached. Source: server-server API, "Inviting to a room".
 */
export async function signedInvitation(
  { storage, client, builder, verify, log }: InviteDeps,
  room: Room,
  sender: UserId,
  target: UserId,
  content: JsonObject,
): Promise<Pdu> {
  const { reader } = storage
  const version = versionOf(room)
  const draft = { type: 'm.room.member', stateKey: target, sender, content: { ...content, membership: 'invite' } }
  const built = buildEvent(reader, builder, room, draft)
  if ('problem' in built) throw badJson(built.problem)
  const verdict = authorize(version, built.pdu, currentLookup(reader, room))
  if (!verdict.ok) throw forbidden(verdict.reason)
  const server = serverOf(target)
  const state = strippedPositions(reader, room.nid, sender).map((at) => JSON.parse(pduText(reader, at) ?? '{}') as JsonObject)
  const signed = await askToSign(client, server, room, built.pdu, state)
  if (!('event' in signed)) {
    log.info({ server, room: room.roomId, answer: signed }, 'an invitation was not signed')
    if ('refusal' in signed) throw errorFor(signed.refusal)
    throw badGateway(`${server} cannot be reached`)
  }
  const pdu = withSignature(built.pdu, signed.event, server)
  const [receipt] = await verify([{ raw: pdu.raw, version }], [])
  if (receipt?.verdict !== 'use') throw badGateway(`${server} gave no answer that can be used`)
  return pdu
}

async function askToSign(
  client: FederationClient,
  server: ServerName,
  room: Room,
  { eventId, raw }: Pdu,
  state: readonly JsonObject[],
) {
  const place = `invite/${encodeURIComponent(room.roomId)}/${encodeURIComponent(eventId)}`
  const content = { event: raw, room_version: room.version, invite_room_state: [...state] }
  const put = { method: 'PUT', insistent: true, limits, exactNumbers: true } as const
  const answer = await client.ask(server, { ...put, target: `/_matrix/federation/v2/${place}`, content }, answered)
  if ('body' in answer) return { event: answer.body.event as JsonObject }
  // Older servers than that do not know the path, or take the body for something else.
  const isOld =
    isUnknownThere(answer) || ('refusal' in answer && (answer.refusal.status === 404 || answer.refusal.status === 400))
  if (!isOld || versionOf(room).eventId !== 'in-event') return answer
  const withState = { ...raw, unsigned: { invite_room_state: [...state] } }
  const old = await client.ask(server, { ...put, target: `/_matrix/federation/v1/${place}`, content: withState }, oldAnswered)
  return 'body' in old ? { event: old.body[1].event as JsonObject } : old
}

/** Of the answer only the other server's signature: everything else is as it was sent. */
function withSignature(pdu: Pdu, answer: JsonObject, server: ServerName): Pdu {
  const theirs = isObject(answer.signatures) ? answer.signatures[server] : undefined
  const own = pdu.raw.signatures as JsonObject
  return isObject(theirs) ? { ...pdu, raw: { ...pdu.raw, signatures: { ...own, [server]: theirs } } } : pdu
}
