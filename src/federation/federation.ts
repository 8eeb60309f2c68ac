import { readFileSync } from 'node:fs'
import type { BlockList } from 'node:net'
import type { Endpoint } from '../http/endpoint.ts'
import type { ServerAuthentication } from '../http/signed-request.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Signer } from '../matrix/signatures.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Random } from '../platform/random.ts'
import { systemResolver } from '../platform/resolver.ts'
import type { Storage } from '../storage/storage.ts'
import { authenticateServers } from './authenticate.ts'
import { createFederationClient, type FederationClient } from './client.ts'
import { createDiscovery } from './discovery.ts'
import { createDownloads, type Downloads } from './downloads.ts'
import { createEgress } from './egress.ts'
import { publicFederationEndpoints } from './endpoints.ts'
import { createKeyFetches } from './key-fetches.ts'
import { createKeyRing, type KeyRing } from './key-ring.ts'
import { createNetwork, type Network } from './network.ts'
import { createNotary } from './notary.ts'
import type { Outside } from './outside.ts'
import type { OwnKeys } from './own-keys.ts'
import { createRetries } from './retry.ts'
import { createSender, type Sender } from './sender.ts'
import { createTransport } from './transport.ts'
import { createEventVerifier, type EventVerifier } from './verify-events.ts'

export interface FederationDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly log: Log
  /** Signs with the newest of `own`. */
  readonly signer: Signer
  readonly own: OwnKeys
  /** Of this program. */
  readonly version: string
  /** Internal addresses that may be reached although they are. */
  readonly allowedAddresses: BlockList
  /** PEM file of authorities that are trusted besides the usual ones. */
  readonly extraCa: string | undefined
  /** Servers that are believed about the keys of others. */
  readonly trustedNotaries: readonly ServerName[]
  /** Undefined: the real one. */
  readonly network: Network | undefined
}

/** Transport to and from other servers. It knows no rooms: what is asked and answered, the floors above say. */
export interface Federation {
  readonly client: FederationClient
  readonly downloads: Downloads
  readonly outside: Outside
  readonly sender: Sender
  readonly verifyEvents: EventVerifier
  readonly authenticate: ServerAuthentication
  readonly keyRing: KeyRing
  readonly endpoints: readonly Endpoint[]
  close(): void
}

export function createFederation(deps: FederationDeps): Federation {
  const { storage, clock, timers, random, log, signer } = deps
  const extraCa = deps.extraCa === undefined ? undefined : readFileSync(deps.extraCa, 'utf8')
  const network = deps.network ?? createNetwork({ resolver: systemResolver, timers, allowed: deps.allowedAddresses, extraCa })
  const egress = createEgress({ network, clock })
  const discover = createDiscovery({ get: egress.get, services: network.services, clock, random })
  const retries = createRetries({ clock, random })
  const transport = createTransport({ discover, egress, unreachable: retries })
  const fetches = createKeyFetches({ storage, transport, clock, log })
  const keyRing = createKeyRing({ ...deps, transport, fetches })
  const notary = createNotary({ ...deps, fetches })
  const client = createFederationClient({ signer, transport })
  const sender = createSender({ ...deps, client, serverName: signer.serverName, retries })
  return {
    outside: { ...transport, ...egress, services: network.services },
    client,
    downloads: createDownloads({ signer, transport, egress }),
    sender,
    verifyEvents: createEventVerifier(keyRing),
    authenticate: authenticateServers(signer.serverName, keyRing, sender.heardFrom),
    keyRing,
    endpoints: publicFederationEndpoints({ ...deps, notary }),
    close() {
      sender.close()
      network.close()
    },
  }
}
