import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Builder } from '../rooms/build.ts'
import type { Storage } from '../storage/storage.ts'
import type { AliasLookup } from './alias-lookup.ts'
import { addAlias, aliasIn, deleteAlias, localAliases } from './room-aliases.ts'

const path = '/_matrix/client/v3/directory/room/{roomAlias}'
const changes = { name: 'directory-changes', by: 'user', burst: 20, perSecond: 1 } as const

export interface AliasDeps {
  readonly storage: Storage
  readonly builder: Builder
  readonly lookUp: AliasLookup
}

export function aliasEndpoints({ storage, builder, lookUp }: AliasDeps): Endpoint[] {
  const { serverName } = builder.signer
  return [
    endpoint({
      method: 'GET',
      path,
      auth: 'none',
      rateLimit: { name: 'directory-aliases', by: 'address', burst: 60, perSecond: 10 },
      async handle({ path: { roomAlias } }) {
        const alias = aliasIn(roomAlias)
        const { roomId, servers } = await lookUp(alias)
        return { room_id: roomId, servers }
      },
    }),
    endpoint({
      method: 'PUT',
      path,
      auth: 'session',
      body: Type.Object({ room_id: Type.String({ maxLength: 255 }) }),
      rateLimit: changes,
      async handle({ auth, path: { roomAlias }, body }) {
        const alias = aliasIn(roomAlias)
        await storage.write((tx) => addAlias(tx, serverName, alias, body.room_id, auth.userId))
        return {}
      },
    }),
    endpoint({
      method: 'DELETE',
      path,
      auth: 'session',
      rateLimit: changes,
      async handle({ auth, path: { roomAlias } }) {
        const alias = aliasIn(roomAlias)
        await storage.write((tx) => deleteAlias(tx, builder, alias, auth))
        return {}
      },
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/{roomId}/aliases',
      auth: 'session',
      rateLimit: { name: 'directory-room-aliases', by: 'user', burst: 60, perSecond: 10 },
      handle: ({ auth, path: { roomId } }) => ({ aliases: localAliases(storage.reader, roomId, auth.userId) }),
    }),
  ]
}
