import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Storage } from '../storage/storage.ts'
import { aliasIn, roomByAlias } from './room-aliases.ts'

/** Aliases of this server, for other servers. Source: server-server API, "Querying for information". */
export function directoryFederationEndpoints(storage: Storage, serverName: ServerName): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/federation/v1/query/directory',
      auth: 'server',
      query: Type.Object({ room_alias: Type.String({ maxLength: 255 }) }),
      rateLimit: { name: 'federation-queries', by: 'server', burst: 200, perSecond: 20 },
      handle({ query }) {
        const { roomId } = roomByAlias(storage.reader, serverName, aliasIn(query.room_alias, 'room_alias'))
        return { room_id: roomId, servers: [serverName] }
      },
    }),
  ]
}
