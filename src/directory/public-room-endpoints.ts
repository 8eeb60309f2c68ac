import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { forbidden, invalidParam, notFound, unknown } from '../http/errors.ts'
import { parseServerName } from '../matrix/identifiers.ts'
import { isPublic, setPublic } from '../rooms/aliases.ts'
import { findRoom, type Room } from '../rooms/members.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { maySetCanonicalAlias } from './access.ts'
import { publicRoomsPage } from './public-rooms.ts'

const listPath = '/_matrix/client/v3/publicRooms'
const visibilityPath = '/_matrix/client/v3/directory/list/room/{roomId}'
const limit = Type.Optional(Type.Integer({ minimum: 0 }))
const since = Type.Optional(Type.String({ maxLength: 64 }))
const server = Type.Optional(Type.String({ maxLength: 255 }))

export function publicRoomEndpoints({
  storage,
  serverName,
}: {
  readonly storage: Storage
  readonly serverName: string
}): Endpoint[] {
  const { reader } = storage
  return [
    endpoint({
      method: 'GET',
      path: listPath,
      auth: 'none',
      query: Type.Object({ limit, since, server }),
      rateLimit: { name: 'public-rooms', by: 'address', burst: 30, perSecond: 2 },
      handle({ query }) {
        requireOwn(serverName, query.server)
        return publicRoomsPage(reader, query)
      },
    }),
    endpoint({
      method: 'POST',
      path: listPath,
      auth: 'session',
      query: Type.Object({ server }),
      body: Type.Object({
        limit,
        since,
        filter: Type.Optional(
          Type.Object({
            generic_search_term: Type.Optional(Type.String({ maxLength: 255 })),
            room_types: Type.Optional(Type.Array(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]), { maxItems: 20 })),
          }),
        ),
        third_party_instance_id: Type.Optional(Type.String({ maxLength: 255 })),
      }),
      rateLimit: { name: 'public-rooms-search', by: 'user', burst: 30, perSecond: 5 },
      handle({ query, body }) {
        requireOwn(serverName, query.server)
        // Rooms of other networks come with bridges, and there are none.
        if (body.third_party_instance_id !== undefined) return { chunk: [], total_room_count_estimate: 0 }
        return publicRoomsPage(reader, body)
      },
    }),
    endpoint({
      method: 'GET',
      path: visibilityPath,
      auth: 'none',
      rateLimit: { name: 'room-visibility', by: 'address', burst: 60, perSecond: 10 },
      handle: ({ path: { roomId } }) => ({
        visibility: isPublic(reader, requireRoom(reader, roomId).nid) ? 'public' : 'private',
      }),
    }),
    endpoint({
      method: 'PUT',
      path: visibilityPath,
      auth: 'session',
      body: Type.Object({ visibility: Type.Optional(Type.Enum(['public', 'private'])) }),
      rateLimit: { name: 'directory-changes', by: 'user', burst: 20, perSecond: 1 },
      async handle({ auth, path: { roomId }, body: { visibility = 'public' } }) {
        await storage.write((tx) => {
          const room = requireRoom(tx, roomId)
          if (!auth.admin && !maySetCanonicalAlias(tx, room, auth.userId)) {
            throw forbidden('It takes the power level for m.room.canonical_alias to list a room')
          }
          setPublic(tx, room.nid, visibility === 'public')
        })
        return {}
      },
    }),
  ]
}

function requireOwn(serverName: string, asked: string | undefined): void {
  if (asked === undefined || asked === serverName) return
  if (parseServerName(asked) === undefined) throw invalidParam('server: must be the name of a server')
  throw unknown('server: the rooms of other servers cannot be listed here')
}

function requireRoom(reader: Reader, roomId: string): Room {
  const room = findRoom(reader, roomId)
  if (!room) throw notFound('There is no such room')
  return room
}
