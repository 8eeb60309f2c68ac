import type { FederationClient } from '../federation/client.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { Log } from '../platform/log.ts'
import { type SpacesDeps, spacesEndpoints } from './endpoints.ts'
import { spacesFederationEndpoints } from './federation-endpoints.ts'
import { createRemoteHierarchy } from './remote-hierarchy.ts'

interface Deps extends Omit<SpacesDeps, 'remote'> {
  /** Undefined: this server does not speak with others. */
  readonly client: FederationClient | undefined
  readonly log: Log
}

interface Spaces {
  readonly endpoints: readonly Endpoint[]
  /** For other servers. */
  readonly serverEndpoints: readonly Endpoint[]
}

/** Spaces, and what one may know of rooms that one is not in. */
export function createSpaces(deps: Deps): Spaces {
  const { client } = deps
  return {
    endpoints: spacesEndpoints({ ...deps, remote: client && createRemoteHierarchy({ ...deps, client }) }),
    serverEndpoints: spacesFederationEndpoints(deps.storage, deps.serverName),
  }
}
