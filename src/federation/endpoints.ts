import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Signer } from '../matrix/signatures.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'

export interface PublicDeps {
  readonly signer: Signer
  readonly clock: Clock
  /** Of this program. */
  readonly version: string
}

/** How long others may use the keys before they ask again. */
const validity: Milliseconds = 24 * 3_600_000

/** What a server tells to anybody. Source: server-server API, "Publishing Keys" and "Server implementation". */
export function publicFederationEndpoints({ signer, clock, version }: PublicDeps): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/key/v2/server',
      auth: 'none',
      rateLimit: { name: 'server-keys', by: 'address', burst: 60, perSecond: 5 },
      handle: () =>
        signer.signJson({
          server_name: signer.serverName,
          verify_keys: { [signer.keyId]: { key: signer.publicKey } },
          old_verify_keys: {},
          valid_until_ts: clock.now() + validity,
        }),
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/federation/v1/version',
      auth: 'none',
      handle: () => ({ server: { name: 'Hausbote', version } }),
    }),
  ]
}
