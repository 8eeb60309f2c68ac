import Type, { type Static } from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { badJson } from '../http/errors.ts'
import { parseUserId, type UserId } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { MembershipVerbs } from './membership.ts'

const room = '/_matrix/client/v3/rooms/{roomId}'
const reason = Type.Optional(Type.String({ maxLength: 5000 }))
const reasonBody = Type.Object({ reason })
/** What is said besides goes into the member event; source: POST /join of other servers, which clients came to rely on. */
const joinBody = Type.Object({ reason }, { additionalProperties: Type.Unknown() })
const targetBody = Type.Object({ user_id: Type.String(), reason })
/** Servers that may help; `server_name` is what older clients say. */
const viaQuery = Type.Object({
  via: Type.Optional(Type.Array(Type.String(), { maxItems: 50 })),
  server_name: Type.Optional(Type.Array(Type.String(), { maxItems: 50 })),
})
const limit = { name: 'membership', by: 'user', burst: 50, perSecond: 2 } as const

/** Joining, leaving and moderating rooms; source: client-server API, "Room membership". */
export function membershipEndpoints(verbs: MembershipVerbs): Endpoint[] {
  /** The endpoints about another user differ in the verb alone. */
  function about<const Path extends string>(path: Path, verb: 'invite' | 'kick' | 'ban' | 'unban'): Endpoint {
    return endpoint({
      method: 'POST',
      path: `${room}/${path}`,
      auth: 'session',
      body: targetBody,
      rateLimit: limit,
      async handle({ auth, path, body }) {
        if (parseUserId(body.user_id) === undefined) throw badJson('user_id: not a user id')
        await verbs[verb](auth.userId as UserId, path.roomId, body.user_id, body.reason)
        return {}
      },
    })
  }

  return [
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/join/{roomIdOrAlias}',
      auth: 'session',
      query: viaQuery,
      body: joinBody,
      rateLimit: limit,
      handle: async ({ auth, path, query, body }) => ({
        room_id: await verbs.join(auth.userId as UserId, path.roomIdOrAlias, joinContent(body), helpers(query)),
      }),
    }),
    endpoint({
      method: 'POST',
      path: `${room}/join`,
      auth: 'session',
      body: joinBody,
      rateLimit: limit,
      handle: async ({ auth, path, body }) => ({
        room_id: await verbs.join(auth.userId as UserId, path.roomId, joinContent(body), []),
      }),
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/knock/{roomIdOrAlias}',
      auth: 'session',
      query: viaQuery,
      body: reasonBody,
      rateLimit: limit,
      handle: async ({ auth, path, query, body }) => ({
        room_id: await verbs.knock(auth.userId as UserId, path.roomIdOrAlias, body.reason, helpers(query)),
      }),
    }),
    endpoint({
      method: 'POST',
      path: `${room}/leave`,
      auth: 'session',
      body: reasonBody,
      rateLimit: limit,
      async handle({ auth, path, body }) {
        await verbs.leave(auth.userId as UserId, path.roomId, body.reason)
        return {}
      },
    }),
    endpoint({
      method: 'POST',
      path: `${room}/forget`,
      auth: 'session',
      rateLimit: limit,
      async handle({ auth, path }) {
        await verbs.forget(auth.userId as UserId, path.roomId)
        return {}
      },
    }),
    about('invite', 'invite'),
    about('kick', 'kick'),
    about('ban', 'ban'),
    about('unban', 'unban'),
  ]
}

function helpers({ via = [], server_name: names = [] }: Static<typeof viaQuery>): readonly string[] {
  return [...via, ...names]
}

/** The parts of a member event that the server answers for are not the client's to say here. */
function joinContent(body: object): JsonObject {
  const {
    third_party_signed: _invitation,
    membership: _membership,
    join_authorised_via_users_server: _authoriser,
    third_party_invite: _invite,
    ...content
  } = body as JsonObject
  return content
}
