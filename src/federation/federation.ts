import { readFileSync } from 'node:fs'
import type { BlockList } from 'node:net'
import type { Endpoint } from '../http/endpoint.ts'
import type { ServerAuthentication } from '../http/signed-request.ts'
import type { Signer } from '../matrix/signatures.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Random } from '../platform/random.ts'
import { systemResolver } from '../platform/resolver.ts'
import type { Storage } from '../storage/storage.ts'
import { authenticateServers } from './authenticate.ts'
import { createFederationClient, type FederationClient } from './client.ts'
import { createDiscovery } from './discovery.ts'
import { createEgress } from './egress.ts'
import { publicFederationEndpoints } from './endpoints.ts'
import { createKeyRing } from './key-ring.ts'
import { createNetwork, type Network } from './network.ts'
import { createTransport } from './transport.ts'

export interface FederationDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly log: Log
  readonly signer: Signer
  /** Of this program. */
  readonly version: string
  /** Internal addresses that may be reached although they are. */
  readonly allowedAddresses: BlockList
  /** PEM file of authorities that are trusted besides the usual ones. */
  readonly extraCa: string | undefined
  /** Undefined: the real one. */
  readonly network: Network | undefined
}

/** Transport to and from other servers. It knows no rooms: what is asked and answered, the floors above say. */
export interface Federation {
  readonly client: FederationClient
  readonly authenticate: ServerAuthentication
  readonly endpoints: readonly Endpoint[]
  close(): void
}

export function createFederation(deps: FederationDeps): Federation {
  const { storage, clock, timers, random, log, signer } = deps
  const extraCa = deps.extraCa === undefined ? undefined : readFileSync(deps.extraCa, 'utf8')
  const network = deps.network ?? createNetwork({ resolver: systemResolver, timers, allowed: deps.allowedAddresses, extraCa })
  const egress = createEgress({ network, clock })
  const discover = createDiscovery({ get: egress.get, services: network.services, clock, random })
  const transport = createTransport({ discover, egress, clock })
  const keyRing = createKeyRing({ storage, transport, clock, log })
  return {
    client: createFederationClient({ signer, transport }),
    authenticate: authenticateServers(signer.serverName, keyRing),
    endpoints: publicFederationEndpoints(deps),
    close: () => network.close(),
  }
}
