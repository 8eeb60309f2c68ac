import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Clock } from '../platform/clock.ts'
import { keyEndpoints } from './key-endpoints.ts'
import type { Notary } from './notary.ts'

export interface PublicDeps {
  readonly notary: Notary
  readonly clock: Clock
  /** Of this program. */
  readonly version: string
}

/** What a server tells to anybody. Source: server-server API, "Publishing Keys" and "Server implementation". */
export function publicFederationEndpoints({ notary, clock, version }: PublicDeps): Endpoint[] {
  return [
    ...keyEndpoints(notary, clock),
    endpoint({
      method: 'GET',
      path: '/_matrix/federation/v1/version',
      auth: 'none',
      handle: () => ({ server: { name: 'Hausbote', version } }),
    }),
  ]
}
