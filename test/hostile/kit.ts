import { expect } from 'vitest'
import { selectAuthEvents } from '../../src/matrix/auth-events.ts'
import { toPdu } from '../../src/matrix/format.ts'
import { canonicalProfile, referenceHash, withContentHash } from '../../src/matrix/hashes.ts'
import type { JsonObject, JsonValue } from '../../src/matrix/json.ts'
import type { RoomVersion } from '../../src/matrix/room-versions.ts'
import type { Signer } from '../../src/matrix/signatures.ts'
import { askAs, day, keysOf, signerOf } from '../federation/kit.ts'
import { createRoom, say, seen } from '../rooms/kit.ts'
import { of, versionNamed } from '../rooms/serving-kit.ts'
import { createWorld, federating, type TestResponse, type TestServer, type TestUser, type World } from '../support/world.ts'

export const v1 = '/_matrix/federation/v1'
export const v2 = '/_matrix/federation/v2'

type Serve = (url: URL, request: Request) => unknown

/** A server that is made of keys and of what it answers: it does what it likes. */
export interface Evil {
  readonly name: string
  readonly signer: Signer
  /** Who acts for it. */
  readonly userId: string
  /** From now on it answers this to questions whose path begins so; a `Response`, or what becomes JSON. The latest rule counts. */
  answers(path: string, serve: Serve): void
  /** Targets that it was asked for. */
  readonly asked: string[]
  /** A signed request to a server. */
  ask(server: TestServer, method: 'GET' | 'PUT' | 'POST', target: string, content?: JsonObject): Promise<TestResponse>
}

export function createEvil(world: World, name = 'evil.test'): Evil {
  const signer = signerOf(name)
  const rules: { readonly path: string; readonly serve: Serve }[] = [
    { path: '/_matrix/key/v2/server', serve: () => signer.signJson(keysOf(signer, world.clock.now() + day)) },
  ]
  const asked: string[] = []
  world.network.host(name, async (request) => {
    const url = new URL(request.url)
    asked.push(url.pathname + url.search)
    const rule = rules.findLast(({ path }) => url.pathname.startsWith(path))
    const answer = rule ? await rule.serve(url, request) : new Response(null, { status: 404 })
    return answer instanceof Response ? answer : Response.json(answer)
  })
  return {
    name,
    signer,
    userId: `@mallory:${name}`,
    asked,
    answers: (path, serve) => rules.push({ path, serve }),
    ask: (server, method, target, content) => askAs(signer, server, method, target, content),
  }
}

/** An event with its id. */
export interface Made {
  readonly id: string
  readonly raw: JsonObject
}

export interface Wish {
  readonly type?: string
  readonly content?: JsonObject
  readonly state_key?: string
  readonly sender?: string
  readonly prev?: readonly Made[]
  readonly auth?: readonly Made[]
  readonly depth?: number
  /** Whatever else is to stand in the event. */
  readonly more?: JsonObject
}

/** A place in a room of a real server, from where a hostile one acts. */
export interface Foothold {
  readonly roomId: string
  readonly version: RoomVersion
  readonly joined: Made
  /** `TYPE|STATE_KEY` to event: the state as this server has it. */
  readonly state: Map<string, Made>
  /** An event, hashed and signed as it should be; it stands on the last one unless `prev` says otherwise. */
  event(wish?: Wish): Made
  /** The next event stands on this one. */
  stand(on: Made): void
}

let chosen = 0

/** A hashed and signed event. */
export function seal(signer: Signer, version: RoomVersion, bare: JsonObject): Made {
  const raw = signer.signEvent(withContentHash(bare, canonicalProfile(version)), version)
  return { id: toPdu(raw, version).eventId, raw }
}

export function referencesTo(version: RoomVersion, events: readonly Made[]): JsonValue[] {
  if (version.eventId !== 'in-event') return events.map(({ id }) => id)
  return events.map(({ id, raw }) => [id, { sha256: referenceHash(raw, version) }])
}

/** Makes events that stand where they should, by default on the last one made. */
export function maker(
  world: World,
  evil: Evil,
  version: RoomVersion,
  roomId: string,
  state: Map<string, Made>,
  start: Made,
): Pick<Foothold, 'event' | 'stand'> {
  let last = start
  const event: Foothold['event'] = ({
    type = 'm.room.message',
    content = { msgtype: 'm.text', body: 'hostile' },
    sender = evil.userId,
    ...wish
  } = {}) => {
    const selected = selectAuthEvents(version, { type, sender, stateKey: wish.state_key, content })
    const auth = wish.auth ?? selected.flatMap(([one, key]) => state.get(`${one}|${key}`) ?? [])
    const prev = wish.prev ?? [last]
    const made = seal(evil.signer, version, {
      type,
      sender,
      content,
      room_id: roomId,
      origin_server_ts: world.clock.now(),
      ...(version.eventId === 'in-event' && { event_id: `$chosen${chosen++}:${evil.name}` }),
      ...(wish.state_key !== undefined && { state_key: wish.state_key }),
      auth_events: referencesTo(version, auth),
      prev_events: referencesTo(version, prev),
      depth: wish.depth ?? Math.max(...prev.map(({ raw }) => Number(raw.depth)), 0) + 1,
      ...wish.more,
    })
    if (!wish.prev) last = made
    return made
  }
  return {
    event,
    stand(on) {
      last = on
    },
  }
}

/** Joins the hostile user to a room, as any server would. */
export async function getIn(world: World, evil: Evil, server: TestServer, roomId: string, id: string): Promise<Foothold> {
  const version = versionNamed(id)
  const made = await evil.ask(server, 'GET', `${v1}/make_join/${of(roomId)}/${of(evil.userId)}?ver=${id}`)
  expect(made.status, JSON.stringify(made.body)).toBe(200)
  const withId = version.eventId === 'in-event' ? { event_id: `$join${chosen++}:${evil.name}` } : {}
  const joined = seal(evil.signer, version, { ...made.body.event, ...withId })
  const sent = await evil.ask(server, 'PUT', `${v2}/send_join/${of(roomId)}/${of(joined.id)}`, joined.raw)
  expect(sent.status, JSON.stringify(sent.body)).toBe(200)
  const state = new Map<string, Made>()
  for (const raw of [...sent.body.state, joined.raw] as JsonObject[]) {
    state.set(`${raw.type}|${raw.state_key}`, { id: toPdu(raw, version).eventId, raw })
  }
  return { roomId, version, joined, state, ...maker(world, evil, version, roomId, state, joined) }
}

export interface Den {
  readonly world: World
  readonly a: TestServer
  readonly alice: TestUser
  readonly bob: TestUser
  readonly evil: Evil
  /** A room that nobody of the hostile server is in. */
  readonly elsewhere: string
  room(version?: string, wish?: object): Promise<Foothold>
  attempt(pdus: readonly JsonObject[], edus?: readonly JsonObject[]): Promise<TestResponse>
  /** Sends a transaction that is taken; what became of the events in it. */
  send(pdus: readonly JsonObject[], edus?: readonly JsonObject[]): Promise<Record<string, { error?: string }>>
  /** How many events the real server has. */
  stored(): number
  /** All is as before for those who have nothing to do with it. */
  expectUnharmed(): Promise<void>
}

let transactions = 0

/** A real server with people and a quiet room, and a hostile one. */
export async function den(): Promise<Den> {
  const world = await createWorld()
  const a = await world.server('a.test', federating, { passwordCost: { memory: 8, iterations: 1 } })
  const evil = createEvil(world)
  const [alice, bob] = [await a.register('alice'), await a.register('bob')]
  const elsewhere = await createRoom(alice)
  await say(alice, elsewhere, 'quiet')
  const before = JSON.stringify((await alice.request('GET', `/_matrix/client/v3/rooms/${elsewhere}/state`)).body)
  let said = 1
  const attempt: Den['attempt'] = (pdus, edus) =>
    evil.ask(a, 'PUT', `${v1}/send/t${transactions++}`, transaction(world, evil, pdus, edus))
  return {
    world,
    a,
    alice,
    bob,
    evil,
    elsewhere,
    async room(version = '11', wish = {}) {
      const roomId = await createRoom(alice, { preset: 'public_chat', room_version: version, ...wish })
      return getIn(world, evil, a, roomId, version)
    },
    attempt,
    async send(pdus, edus) {
      const answer = await attempt(pdus, edus)
      expect(answer.status, JSON.stringify(answer.body)).toBe(200)
      return answer.body.pdus
    },
    stored: () => a.app.storage.reader.raw.prepare('SELECT count(*) FROM events').pluck().get() as number,
    async expectUnharmed() {
      await world.settled()
      await say(alice, elsewhere, 'still here')
      said += 1
      expect(await seen(alice, elsewhere)).toEqual(['quiet', ...Array(said - 1).fill('still here')])
      const now = JSON.stringify((await alice.request('GET', `/_matrix/client/v3/rooms/${elsewhere}/state`)).body)
      expect(now).toBe(before)
    },
  }
}

export function transaction(world: World, evil: Evil, pdus: readonly JsonObject[], edus: readonly JsonObject[] = []): JsonObject {
  return { origin: evil.name, origin_server_ts: world.clock.now(), pdus: [...pdus], edus: [...edus] }
}

/** The membership of somebody, as a member sees it. */
export async function membership(user: TestUser, roomId: string, userId: string): Promise<string | undefined> {
  const answer = await user.request('GET', `/_matrix/client/v3/rooms/${roomId}/state/m.room.member/${of(userId)}`)
  return answer.body.membership
}

/** An event of this id as a client sees it; undefined: it does not. */
export async function shown(user: TestUser, roomId: string, id: string): Promise<JsonObject | undefined> {
  const answer = await user.request('GET', `/_matrix/client/v3/rooms/${roomId}/event/${of(id)}`)
  return answer.status === 200 ? answer.body : undefined
}
