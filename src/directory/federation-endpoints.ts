import Type from 'typebox'
import { type Endpoint, endpoint, type RateLimit } from '../http/endpoint.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import { serversToJoinThrough } from '../rooms/summary.ts'
import type { Storage } from '../storage/storage.ts'
import { listQuery, ownRooms, searchBody, searchIn } from './public-room-endpoints.ts'
import { aliasIn, roomByAlias } from './room-aliases.ts'

const publicRoomsPath = '/_matrix/federation/v1/publicRooms'
const publicRoomsLimit: RateLimit = { name: 'federation-public-rooms', by: 'server', burst: 30, perSecond: 2 }

/** Aliases and listed rooms of this server, for other servers. Source: server-server API, "Querying for information" and "Published Room Directory". */
export function directoryFederationEndpoints(storage: Storage, serverName: ServerName): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/federation/v1/query/directory',
      auth: 'server',
      query: Type.Object({ room_alias: Type.String({ maxLength: 255 }) }),
      rateLimit: { name: 'federation-queries', by: 'server', burst: 200, perSecond: 20 },
      handle({ query }) {
        const room = roomByAlias(storage.reader, serverName, aliasIn(query.room_alias, 'room_alias'))
        return { room_id: room.roomId, servers: serversToJoinThrough(storage.reader, room, serverName) }
      },
    }),
    endpoint({
      method: 'GET',
      path: publicRoomsPath,
      auth: 'server',
      query: Type.Object(listQuery),
      rateLimit: publicRoomsLimit,
      handle: ({ query }) => ownRooms(storage.reader, serverName, query),
    }),
    endpoint({
      method: 'POST',
      path: publicRoomsPath,
      auth: 'server',
      body: searchBody,
      rateLimit: publicRoomsLimit,
      handle: ({ body }) => ownRooms(storage.reader, serverName, searchIn(body)),
    }),
  ]
}
