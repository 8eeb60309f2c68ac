import { randomBytes } from 'node:crypto'
import { createBackOff } from '../../src/federation/back-off.ts'
import { createDiscovery } from '../../src/federation/discovery.ts'
import { createEgress } from '../../src/federation/egress.ts'
import { createKeyFetches } from '../../src/federation/key-fetches.ts'
import { createKeyRing } from '../../src/federation/key-ring.ts'
import { loadOwnKeys } from '../../src/federation/own-keys.ts'
import { createTransport } from '../../src/federation/transport.ts'
import { createEventVerifier } from '../../src/federation/verify-events.ts'
import { withContentHash } from '../../src/matrix/hashes.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { type RoomVersion, roomVersions } from '../../src/matrix/room-versions.ts'
import type { Signer } from '../../src/matrix/signatures.ts'
import { silentLog } from '../../src/platform/log.ts'
import { seededRandom } from '../support/random.ts'
import { createWorld, type World } from '../support/world.ts'
import { createPeer, day, keysOf, type Peer, signerOf } from './kit.ts'

export const v10 = roomVersions.get('10') as RoomVersion
/** Does not ask whether a key was valid. */
export const v4 = roomVersions.get('4') as RoomVersion

export const name = (text: string) => text as ServerName

/** A key ring at work in a world, on the data of a server `a.test`. */
export async function keyRingIn(world: World, trustedNotaries: readonly string[] = []) {
  const server = await world.server('a.test')
  const { clock, network } = world
  const egress = createEgress({ network, clock })
  const discover = createDiscovery({ get: egress.get, services: network.services, clock, random: { bytes: randomBytes } })
  const transport = createTransport({ discover, egress, unreachable: createBackOff(clock, 5000, 3_600_000) })
  const { storage } = server.app
  const own = loadOwnKeys(server.directory, name('a.test'), seededRandom('own'))
  const deps = { storage, transport, clock, timers: clock, log: silentLog, own }
  const fetches = createKeyFetches(deps)
  const ring = createKeyRing({ ...deps, fetches, trustedNotaries: trustedNotaries.map(name) })
  const verify = createEventVerifier(ring)
  return {
    server,
    own,
    ring,
    fetches,
    /** The verdicts over events of one room version. */
    async verdicts(events: readonly JsonObject[], notaries: readonly string[] = [], version = v10) {
      const receipts = await verify(
        events.map((raw) => ({ raw, version })),
        notaries.map(name),
      )
      return receipts.map(({ verdict }) => verdict)
    },
    verdict: async (event: JsonObject, notaries: readonly string[] = [], version = v10) =>
      (await verify([{ raw: event, version }], notaries.map(name)))[0]?.verdict,
    /** How often a server was asked for its own keys. */
    fetchesOf: (server: string) => world.network.asked.filter((what) => what === `${server}/_matrix/key/v2/server`).length,
    queriesTo: (notary: string) => world.network.asked.filter((what) => what === `${notary}/_matrix/key/v2/query`).length,
  }
}

export async function setUpRing(trustedNotaries: readonly string[] = []) {
  const world = await createWorld()
  return { world, ...(await keyRingIn(world, trustedNotaries)) }
}

/** An event of a user of the signer's server, as it goes from server to server. */
export function eventOf(signer: Signer, time: number, more: JsonObject = {}, version = v10): JsonObject {
  const raw = {
    type: 'm.room.message',
    room_id: '!room:a.test',
    sender: `@user:${signer.serverName}`,
    content: { body: 'hello' },
    origin_server_ts: time,
    depth: 3,
    prev_events: ['$prev'],
    auth_events: ['$create'],
    ...more,
  }
  return signer.signEvent(withContentHash(raw), version)
}

/** What a notary answers: words about servers, each signed by it. */
export interface NotaryPeer extends Peer {
  /** From now on it knows these and nothing else; they are signed by it as they are given. */
  knows(...answers: readonly JsonObject[]): void
  /** From now on its answer has this in it, as it is. */
  says(...answers: readonly JsonObject[]): void
  /** What it was asked. */
  readonly questions: JsonObject[]
}

export function createNotaryPeer(world: World, server: string): NotaryPeer {
  const peer = createPeer(world, server)
  const questions: JsonObject[] = []
  let answers: readonly JsonObject[] = []
  world.network.host(server, async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/_matrix/key/v2/server')
      return Response.json(peer.signer.signJson(keysOf(peer.signer, world.clock.now() + day)))
    if (pathname !== '/_matrix/key/v2/query' || request.method !== 'POST') return new Response(null, { status: 404 })
    questions.push((await request.json()) as JsonObject)
    return Response.json({ server_keys: answers })
  })
  return {
    ...peer,
    questions,
    knows(...known) {
      answers = known.map((one) => peer.signer.signJson(one))
    },
    says(...said) {
      answers = said
    },
  }
}

/** What a server that is gone once published. */
export function lastWords(server: string, validUntil: number, keyId = 'ed25519:1') {
  const signer = signerOf(server, keyId)
  return { signer, published: signer.signJson(keysOf(signer, validUntil)) }
}
