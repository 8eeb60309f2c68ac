import { expect } from 'vitest'
import { toPdu } from '../../src/matrix/format.ts'
import { canonicalProfile, withContentHash } from '../../src/matrix/hashes.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { type RoomVersion, roomVersions } from '../../src/matrix/room-versions.ts'
import { askAs, createPeer, type Peer } from '../federation/kit.ts'
import { createWorld, federating, type TestResponse, type TestServer, type TestUser, type World } from '../support/world.ts'

let transactions = 0

const fed = '/_matrix/federation/v1'

/** A real server with people, and another one of which only the keys exist. */
export interface Scene {
  readonly world: World
  readonly a: TestServer
  readonly alice: TestUser
  readonly bob: TestUser
  readonly peer: Peer
  /** Asks the real server as the other one. */
  ask(target: string, content?: JsonObject): Promise<TestResponse>
}

export async function scene(): Promise<Scene> {
  const world = await createWorld()
  const a = await world.server('a.test', federating, { passwordCost: { memory: 8, iterations: 1 } })
  const peer = createPeer(world, 'peer.test')
  return {
    world,
    a,
    alice: await a.register('alice'),
    bob: await a.register('bob'),
    peer,
    ask: (target, content) => askAs(peer.signer, a, content ? 'POST' : 'GET', `${fed}${target}`, content),
  }
}

export const of = (id: string) => encodeURIComponent(id)

export function versionNamed(id: string): RoomVersion {
  const version = roomVersions.get(id)
  if (!version) throw new Error(`no room version ${id}`)
  return version
}

/** An event as a server that exists by its keys only hashes and signs it. */
export function sealed(peer: Peer, bare: JsonObject, version: RoomVersion): { readonly id: string; readonly raw: JsonObject } {
  const raw = peer.signer.signEvent(withContentHash(bare, canonicalProfile(version)), version)
  return { id: toPdu(raw, version).eventId, raw }
}

/** Takes somebody of the other server into a room, to its door, or out of it; the id of the event. */
export async function enter(
  { a, peer }: Pick<Scene, 'a' | 'peer'>,
  roomId: string,
  userId: string,
  { version: id = '12', wish = 'join' }: { version?: string; wish?: 'join' | 'leave' | 'knock' } = {},
): Promise<string> {
  const version = versionNamed(id)
  const made = await askAs(peer.signer, a, 'GET', `${fed}/make_${wish}/${of(roomId)}/${of(userId)}?ver=${id}`)
  expect(made.status, JSON.stringify(made.body)).toBe(200)
  // In the oldest versions whoever makes an event chooses its id.
  const chosen = version.eventId === 'in-event' ? { event_id: `$${wish}-${transactions++}:peer.test` } : {}
  const event = sealed(peer, { ...made.body.event, ...chosen }, version)
  const target = `/_matrix/federation/${wish === 'knock' ? 'v1' : 'v2'}/send_${wish}/${of(roomId)}/${of(event.id)}`
  const sent = await askAs(peer.signer, a, 'PUT', target, event.raw)
  expect(sent.status, JSON.stringify(sent.body)).toBe(200)
  return event.id
}

/** Hands events over in a transaction; what came of each. */
export async function transact(
  { a, peer, world }: Scene,
  pdus: readonly JsonObject[],
): Promise<Record<string, { error?: string }>> {
  transactions += 1
  const content = { origin: 'peer.test', origin_server_ts: world.clock.now(), pdus: [...pdus], edus: [] }
  const answer = await askAs(peer.signer, a, 'PUT', `${fed}/send/t${transactions}`, content)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body.pdus
}

/** Ids of events in an answer. */
export function idsOf(pdus: readonly JsonObject[], version = '12'): string[] {
  return pdus.map((raw) => toPdu(raw, versionNamed(version)).eventId)
}
