import type { StateLookup } from '../../src/matrix/authorisation/scene.ts'
import type { EventId, RoomId, UserId } from '../../src/matrix/identifiers.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import type { Pdu } from '../../src/matrix/pdu.ts'
import type { RoomVersion } from '../../src/matrix/room-versions.ts'
import { createSigner } from '../../src/matrix/signatures.ts'
import { stateOf } from './rooms-of-vectors.ts'

// A small room for tests of single rules. @ada created it; the name of each other user says what the user is.
export const ada = '@ada:a.test'
export const chief = '@chief:a.test'
export const mod = '@mod:a.test'
export const peer = '@peer:a.test'
export const low = '@low:a.test'
export const user = '@user:a.test'
export const far = '@far:b.test'
export const invited = '@invited:a.test'
export const knocker = '@knocker:a.test'
export const banned = '@banned:a.test'
export const gone = '@gone:a.test'
export const stranger = '@stranger:a.test'

export const baseLevels = {
  users: { [chief]: 100, [mod]: 50, [peer]: 50, [low]: 10 },
  events: { 'm.room.name': 50, 'm.room.power_levels': 50, 'm.room.topic': 80, 'org.example.low': 10 },
  notifications: { room: 50, org: 80 },
  ban: 50,
  kick: 40,
  invite: 10,
  redact: 50,
  state_default: 50,
  events_default: 0,
  users_default: 0,
}

const memberships = {
  [ada]: 'join',
  [chief]: 'join',
  [mod]: 'join',
  [peer]: 'join',
  [low]: 'join',
  [user]: 'join',
  [far]: 'join',
  [invited]: 'invite',
  [knocker]: 'knock',
  [banned]: 'ban',
  [gone]: 'leave',
}

export interface Room {
  readonly joinRule?: string
  readonly levels?: JsonObject
  readonly create?: JsonObject
  readonly members?: Readonly<Record<string, string>>
  readonly without?: readonly string[]
}

const signer = createSigner({ serverName: 'id.test' as never, keyId: 'ed25519:0', seed: new Uint8Array(32).fill(7) })

/** The state has an invite by a third party of @mod under the token `t`, with this key. */
export const publicKey = signer.publicKey
export const signedInvite = (mxid: string, token = 't') => signer.signJson({ mxid, token })

const hash = 'c'.repeat(43)
export const createIdOf = (version: RoomVersion) => (version.eventId === 'in-event' ? '$create:a.test' : `$${hash}`) as EventId
export const roomIdOf = (version: RoomVersion) => (version.auth.createEventIsRoomId ? `!${hash}` : '!room:a.test') as RoomId

export interface Draft {
  readonly type?: string
  readonly sender?: string
  readonly stateKey?: string
  readonly content?: JsonObject
  readonly eventId?: string
  readonly roomId?: string
  readonly authEvents?: readonly string[]
  readonly prevEvents?: readonly string[]
  readonly redacts?: string
  readonly raw?: JsonObject
}

/** An event of @user's, unless the draft says otherwise. */
export function pdu(version: RoomVersion, draft: Draft): Pdu {
  return {
    eventId: (draft.eventId ?? '$event:a.test') as EventId,
    roomId: (draft.roomId ?? roomIdOf(version)) as RoomId,
    type: draft.type ?? 'm.room.message',
    sender: (draft.sender ?? user) as UserId,
    stateKey: draft.stateKey,
    content: draft.content ?? {},
    authEvents: (draft.authEvents ?? []) as readonly EventId[],
    prevEvents: (draft.prevEvents ?? ['$before:a.test']) as readonly EventId[],
    depth: 9,
    originServerTs: 1_700_000_000_000,
    redacts: draft.redacts as EventId | undefined,
    raw: draft.raw ?? {},
  }
}

export function createEvent(version: RoomVersion, content: JsonObject = {}): Pdu {
  const named = version.auth.implicitCreator ? content : { creator: ada, ...content }
  return pdu(version, {
    type: 'm.room.create',
    sender: ada,
    stateKey: '',
    eventId: createIdOf(version),
    prevEvents: [],
    content: named,
  })
}

export function stateOfRoom(version: RoomVersion, room: Room): StateLookup {
  const state = (type: string, stateKey: string, sender: string, content: JsonObject) =>
    pdu(version, { type, stateKey, sender, content, eventId: `$${type}${stateKey}` })
  const members = { ...memberships, ...room.members }
  const all = [
    createEvent(version, room.create),
    state('m.room.power_levels', '', ada, room.levels ?? baseLevels),
    state('m.room.join_rules', '', ada, { join_rule: room.joinRule ?? 'invite' }),
    state('m.room.third_party_invite', 't', mod, { public_key: publicKey }),
    state('m.room.third_party_invite', 'list', mod, { public_key: 'x', public_keys: [{ public_key: publicKey }] }),
    ...Object.entries(members).map(([id, membership]) => state('m.room.member', id, id, { membership })),
  ]
  return stateOf(all.filter(({ type }) => !room.without?.includes(type)))
}
