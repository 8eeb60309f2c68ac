import Type from 'typebox'
import { type Endpoint, endpoint, type Session } from '../http/endpoint.ts'
import { anyObject } from '../http/schemas.ts'
import type { UserId } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import { type CreateRoomDeps, type CreateRoomWish, createRoom } from './create-room.ts'
import type { Send } from './send.ts'

const room = '/_matrix/client/v3/rooms/{roomId}'
const sendLimit = { name: 'send', by: 'user', burst: 60, perSecond: 10 } as const
const createLimit = { name: 'create-room', by: 'user', burst: 20, perSecond: 0.5 } as const

const text = Type.String({ maxLength: 65_536 })
const createBody = Type.Object({
  visibility: Type.Optional(Type.Union([Type.Literal('public'), Type.Literal('private')])),
  preset: Type.Optional(
    Type.Union([Type.Literal('private_chat'), Type.Literal('public_chat'), Type.Literal('trusted_private_chat')]),
  ),
  room_alias_name: Type.Optional(Type.String({ maxLength: 255 })),
  name: Type.Optional(text),
  topic: Type.Optional(text),
  invite: Type.Optional(Type.Array(Type.String(), { maxItems: 200 })),
  invite_3pid: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 0 })),
  is_direct: Type.Optional(Type.Boolean()),
  room_version: Type.Optional(Type.String()),
  creation_content: Type.Optional(anyObject),
  initial_state: Type.Optional(
    Type.Array(
      Type.Object({ type: Type.String({ minLength: 1 }), state_key: Type.Optional(Type.String()), content: anyObject }),
      {
        maxItems: 200,
      },
    ),
  ),
  power_level_content_override: Type.Optional(anyObject),
})

/** Making rooms and writing to them; source: client-server API, "Creation" and "Sending events to a room". */
export function writeEndpoints(send: Send, create: CreateRoomDeps, active: (userId: string) => void): Endpoint[] {
  async function putState(auth: Session, roomId: string, type: string, stateKey: string, body: object) {
    active(auth.userId)
    return { event_id: await send.state(auth, roomId, type, stateKey, body as JsonObject) }
  }

  return [
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/createRoom',
      auth: 'session',
      body: createBody,
      maxBody: 1024 * 1024,
      rateLimit: createLimit,
      handle: async ({ auth, body }) => ({ room_id: await createRoom(create, auth.userId as UserId, body as CreateRoomWish) }),
    }),
    endpoint({
      method: 'PUT',
      path: `${room}/send/{eventType}/{txnId}`,
      auth: 'session',
      body: anyObject,
      rateLimit: sendLimit,
      async handle({ auth, path, body }) {
        active(auth.userId)
        return { event_id: await send.message(auth, path.roomId, path.eventType, path.txnId, body as JsonObject) }
      },
    }),
    endpoint({
      method: 'PUT',
      path: `${room}/state/{eventType}/{stateKey}`,
      auth: 'session',
      body: anyObject,
      rateLimit: sendLimit,
      handle: ({ auth, path, body }) => putState(auth, path.roomId, path.eventType, path.stateKey, body),
    }),
    endpoint({
      method: 'PUT',
      path: `${room}/state/{eventType}`,
      auth: 'session',
      body: anyObject,
      rateLimit: sendLimit,
      handle: ({ auth, path, body }) => putState(auth, path.roomId, path.eventType, '', body),
    }),
    endpoint({
      method: 'PUT',
      path: `${room}/state/{eventType}/`,
      auth: 'session',
      body: anyObject,
      rateLimit: sendLimit,
      handle: ({ auth, path, body }) => putState(auth, path.roomId, path.eventType, '', body),
    }),
    endpoint({
      method: 'PUT',
      path: `${room}/redact/{eventId}/{txnId}`,
      auth: 'session',
      body: Type.Object({ reason: Type.Optional(Type.String({ maxLength: 5000 })) }),
      rateLimit: sendLimit,
      async handle({ auth, path, body }) {
        active(auth.userId)
        return { event_id: await send.redaction(auth, path.roomId, path.eventId, path.txnId, body.reason) }
      },
    }),
  ]
}
