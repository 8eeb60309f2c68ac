import type { FederationClient } from '../federation/client.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Log } from '../platform/log.ts'
import type { Builder } from '../rooms/build.ts'
import type { Storage } from '../storage/storage.ts'
import { aliasEndpoints } from './alias-endpoints.ts'
import { type AliasLookup, createAliasLookup } from './alias-lookup.ts'
import { directoryFederationEndpoints } from './federation-endpoints.ts'
import { publicRoomEndpoints } from './public-room-endpoints.ts'
import { createRemoteAliases } from './remote-aliases.ts'
import { createRemotePublicRooms } from './remote-public-rooms.ts'
import { userDirectoryEndpoint } from './user-directory-endpoint.ts'
import type { UserSearchDeps } from './user-search.ts'

export interface DirectoryDeps extends UserSearchDeps {
  readonly storage: Storage
  readonly serverName: ServerName
  readonly builder: Builder
  /** Undefined: this server does not speak with others. */
  readonly client: FederationClient | undefined
  readonly log: Log
}

export interface Directory {
  readonly endpoints: readonly Endpoint[]
  /** For other servers. */
  readonly serverEndpoints: readonly Endpoint[]
  readonly lookUp: AliasLookup
}

/** Finding rooms and users; source: client-server API, "Room aliases", "Published room directory", "User directory". */
export function createDirectory(deps: DirectoryDeps): Directory {
  const { storage, serverName, client, log } = deps
  const lookUp = createAliasLookup(storage, serverName, client && createRemoteAliases(client, log))
  const parts = { ...deps, lookUp, remotePublicRooms: client && createRemotePublicRooms(client, log) }
  return {
    endpoints: [...aliasEndpoints(parts), ...publicRoomEndpoints(parts), userDirectoryEndpoint(parts)],
    serverEndpoints: directoryFederationEndpoints(storage, serverName),
    lookUp,
  }
}
