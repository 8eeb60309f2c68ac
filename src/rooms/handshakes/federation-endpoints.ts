import Type from 'typebox'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { invalidParam } from '../../http/errors.ts'
import { jsonText } from '../../http/reply.ts'
import { anyObject } from '../../http/schemas.ts'
import { isArray, isObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import { pduText } from '../event-store.ts'
import { jsonStream } from '../serving/text-stream.ts'
import { type BeInvitedDeps, takeInvitation } from './be-invited.ts'
import { strippedPositions } from './invite-others.ts'
import { joinAnswer } from './join-answer.ts'
import { makeTemplate, type ServeDeps, takeMembership, type Wish } from './serve-membership.ts'

const v1 = '/_matrix/federation/v1'
const v2 = '/_matrix/federation/v2'
const limit = { name: 'handshakes', by: 'server', burst: 100, perSecond: 10 } as const
const versions = Type.Object({ ver: Type.Optional(Type.Array(Type.String(), { maxItems: 100 })) })
/** An invitation with a state of full events. */
const maxInvitation = 1024 * 1024
const inviteBody = Type.Object({
  room_version: Type.String(),
  event: anyObject,
  invite_room_state: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 500 })),
})

/** Joining, leaving, knocking and inviting from server to server; source: server-server API, "Joining Rooms" and the chapters after it. */
export function handshakeEndpoints(deps: ServeDeps & BeInvitedDeps): Endpoint[] {
  const { storage, builder } = deps

  function make(wish: Wish, withVersions: boolean): Endpoint {
    return endpoint({
      method: 'GET',
      path: `${v1}/make_${wish}/{roomId}/{userId}`,
      auth: 'server',
      query: versions,
      rateLimit: limit,
      handle: ({ auth, path, query }) =>
        makeTemplate(deps, auth.origin, wish, path.roomId, path.userId, withVersions ? (query.ver ?? ['1']) : undefined),
    })
  }

  const sendJoin = (path: string, write: (answer: Iterable<string>) => Iterable<string>) =>
    endpoint({
      method: 'PUT',
      path: `${path}/send_join/{roomId}/{eventId}`,
      auth: 'server',
      query: Type.Object({ omit_members: Type.Optional(Type.Boolean()) }),
      body: anyObject,
      rateLimit: limit,
      async handle({ auth, path: { roomId, eventId }, query, body }) {
        const sent = await takeMembership(deps, auth.origin, 'join', roomId, eventId, body as JsonObject)
        return jsonStream(write(joinAnswer(storage.reader, sent, builder.signer.serverName, query.omit_members === true)))
      },
    })

  const sendLeave = (path: string, answer: JsonValue) =>
    endpoint({
      method: 'PUT',
      path: `${path}/send_leave/{roomId}/{eventId}`,
      auth: 'server',
      body: anyObject,
      rateLimit: limit,
      async handle({ auth, path: { roomId, eventId }, body }) {
        await takeMembership(deps, auth.origin, 'leave', roomId, eventId, body as JsonObject)
        return jsonText(JSON.stringify(answer))
      },
    })

  return [
    make('join', true),
    make('leave', false),
    make('knock', true),
    sendJoin(v2, (answer) => answer),
    sendJoin(v1, function* (answer) {
      yield '[200,'
      yield* answer
      yield ']'
    }),
    sendLeave(v2, {}),
    sendLeave(v1, [200, {}]),
    endpoint({
      method: 'PUT',
      path: `${v1}/send_knock/{roomId}/{eventId}`,
      auth: 'server',
      body: anyObject,
      rateLimit: limit,
      async handle({ auth, path: { roomId, eventId }, body }) {
        const { room } = await takeMembership(deps, auth.origin, 'knock', roomId, eventId, body as JsonObject)
        const { reader } = storage
        const state = strippedPositions(reader, room.nid).map((position) => pduText(reader, position))
        return jsonText(`{"knock_room_state":[${state.join(',')}]}`)
      },
    }),
    endpoint({
      method: 'PUT',
      path: `${v2}/invite/{roomId}/{eventId}`,
      auth: 'server',
      body: inviteBody,
      maxBody: maxInvitation,
      rateLimit: limit,
      async handle({ auth, path: { roomId, eventId }, body }) {
        const event = await takeInvitation(deps, auth.origin, {
          roomId,
          eventId,
          version: body.room_version,
          event: body.event as JsonObject,
          roomState: (body.invite_room_state ?? []) as JsonValue[],
        })
        return { event }
      },
    }),
    endpoint({
      method: 'PUT',
      path: `${v1}/invite/{roomId}/{eventId}`,
      auth: 'server',
      body: anyObject,
      maxBody: maxInvitation,
      rateLimit: limit,
      async handle({ auth, path: { roomId, eventId }, body }) {
        const event = body as JsonObject
        const unsigned = isObject(event.unsigned) ? event.unsigned.invite_room_state : undefined
        if (unsigned !== undefined && !isArray(unsigned)) throw invalidParam('unsigned.invite_room_state: must be an array')
        const signed = await takeInvitation(deps, auth.origin, {
          roomId,
          eventId,
          version: '1',
          event,
          roomState: unsigned ?? [],
        })
        return jsonText(JSON.stringify([200, { event: signed }]))
      },
    }),
  ]
}
