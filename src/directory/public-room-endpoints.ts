import Type, { type Static } from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { forbidden, invalidParam, notFound, unknown } from '../http/errors.ts'
import { parseServerName, type ServerName } from '../matrix/identifiers.ts'
import { isPublic, setPublic } from '../rooms/aliases.ts'
import { findRoom, type Room } from '../rooms/members.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { maySetCanonicalAlias } from './access.ts'
import { type PublicRoomsPage, publicRoomsPage } from './public-rooms.ts'
import type { RemotePublicRooms, RemoteQuery } from './remote-public-rooms.ts'

const listPath = '/_matrix/client/v3/publicRooms'
const visibilityPath = '/_matrix/client/v3/directory/list/room/{roomId}'
const limit = Type.Optional(Type.Integer({ minimum: 0 }))
// Those of other servers may be longer than those of this one.
const since = Type.Optional(Type.String({ maxLength: 2048 }))
const server = Type.Optional(Type.String({ maxLength: 255 }))
const networks = {
  include_all_networks: Type.Optional(Type.Boolean()),
  third_party_instance_id: Type.Optional(Type.String({ maxLength: 255 })),
}
/** Fields of a search, the same for clients and for other servers. */
export const searchBody = Type.Object({
  limit,
  since,
  filter: Type.Optional(
    Type.Object({
      generic_search_term: Type.Optional(Type.String({ maxLength: 255 })),
      room_types: Type.Optional(Type.Array(Type.Union([Type.String({ maxLength: 255 }), Type.Null()]), { maxItems: 20 })),
    }),
  ),
  ...networks,
})
/** The same of a listing without a search. */
export const listQuery = { limit, since, ...networks }

export interface PublicRoomDeps {
  readonly storage: Storage
  readonly serverName: ServerName
  /** Undefined: this server does not speak with others. */
  readonly remotePublicRooms: RemotePublicRooms | undefined
}

export function publicRoomEndpoints({ storage, serverName, remotePublicRooms }: PublicRoomDeps): Endpoint[] {
  const { reader } = storage

  function listed(asked: string | undefined, query: RemoteQuery): PublicRoomsPage | Promise<PublicRoomsPage> {
    if (asked === undefined || asked === serverName) return ownRooms(reader, serverName, query)
    const other = parseServerName(asked)
    if (other === undefined) throw invalidParam('server: must be the name of a server')
    if (!remotePublicRooms) throw unknown('server: this server does not speak with others')
    return remotePublicRooms(other, query)
  }

  return [
    endpoint({
      method: 'GET',
      path: listPath,
      auth: 'none',
      query: Type.Object({ limit, since, server }),
      rateLimit: { name: 'public-rooms', by: 'address', burst: 30, perSecond: 2 },
      handle: ({ query: { server: asked, ...query } }) => listed(asked, query),
    }),
    endpoint({
      method: 'POST',
      path: listPath,
      auth: 'session',
      query: Type.Object({ server }),
      body: searchBody,
      rateLimit: { name: 'public-rooms-search', by: 'user', burst: 30, perSecond: 5 },
      handle: ({ query, body }) => listed(query.server, searchIn(body)),
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

/** Without what a body may hold besides, which is nobody else's business. */
export function searchIn({ filter, ...rest }: Static<typeof searchBody>): RemoteQuery {
  const { limit, since, include_all_networks, third_party_instance_id } = rest
  const { generic_search_term, room_types } = filter ?? {}
  return defined({
    limit,
    since,
    include_all_networks,
    third_party_instance_id,
    filter: filter && defined({ generic_search_term, room_types }),
  })
}

function defined<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

/** A page of this server's own list. */
export function ownRooms(reader: Reader, serverName: ServerName, query: RemoteQuery): PublicRoomsPage {
  // Rooms of other networks come with bridges, and there are none.
  if (query.third_party_instance_id !== undefined) return { chunk: [], total_room_count_estimate: 0 }
  return publicRoomsPage(reader, serverName, query)
}

function requireRoom(reader: Reader, roomId: string): Room {
  const room = findRoom(reader, roomId)
  if (!room) throw notFound('There is no such room')
  return room
}
