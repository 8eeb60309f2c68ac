import type { Endpoint } from '../http/endpoint.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import { type AliasDeps, aliasEndpoints } from './alias-endpoints.ts'
import { type PublicRoomDeps, publicRoomEndpoints } from './public-room-endpoints.ts'
import { userDirectoryEndpoint } from './user-directory-endpoint.ts'
import type { UserSearchDeps } from './user-search.ts'

export interface DirectoryDeps extends UserSearchDeps, AliasDeps, PublicRoomDeps {
  readonly serverName: ServerName
}

/** Finding rooms and users; source: client-server API, "Room aliases", "Published room directory", "User directory". */
export function directoryEndpoints(deps: DirectoryDeps): Endpoint[] {
  return [...aliasEndpoints(deps), ...publicRoomEndpoints(deps), userDirectoryEndpoint(deps)]
}
