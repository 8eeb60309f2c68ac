import { describe, expect, it, test } from 'vitest'
import { askAs, createPeer } from '../federation/kit.ts'
import { createWorld, federating, type TestUser } from '../support/world.ts'
import { createRoom, v3 } from './kit.ts'

const listed = (name: string, more = {}) => ({ visibility: 'public', preset: 'public_chat', name, ...more })

async function twoServers() {
  const world = await createWorld()
  const [a, b] = [await world.server('a.test', federating), await world.server('b.test', federating)]
  return { world, a, b, alice: await a.register('alice'), bob: await b.register('bob') }
}

/** a.test, and peer.test, which answers one thing. */
async function facing(answer: (request: Request) => Response | Promise<Response>) {
  const world = await createWorld()
  world.network.host('peer.test', answer)
  const a = await world.server('a.test', federating)
  return { world, a, alice: await a.register('alice') }
}

const namesOf = ({ body }: { body: { chunk: { name: string }[] } }) => body.chunk.map(({ name }) => name)
const at = (server: string) => `${v3}/publicRooms?server=${server}`
const search = (user: TestUser, server: string, body: object) => user.request('POST', at(server), body)
const errorOf = async (user: TestUser, path: string) => {
  const { status, body } = await user.request('GET', path)
  return [status, body.errcode]
}

describe('the rooms of another server', () => {
  test('are listed page by page', async () => {
    const { a, bob } = await twoServers()
    for (const name of ['one', 'two', 'three']) await createRoom(bob, listed(name))
    await createRoom(bob, { name: 'hidden' })
    const first = await a.request('GET', `${at('b.test')}&limit=2`)
    expect(namesOf(first)).toHaveLength(2)
    expect(first.body.total_room_count_estimate).toBe(3)
    const second = await a.request('GET', `${at('b.test')}&limit=2&since=${first.body.next_batch}`)
    expect([...namesOf(first), ...namesOf(second)].sort()).toEqual(['one', 'three', 'two'])
    expect(second.body.next_batch).toBeUndefined()
  })

  test('are searched', async () => {
    const { alice, bob } = await twoServers()
    await createRoom(bob, listed('Laboratory'))
    await createRoom(bob, listed('Space', { creation_content: { type: 'm.space' } }))
    expect(namesOf(await search(alice, 'b.test', { filter: { generic_search_term: 'labor' } }))).toEqual(['Laboratory'])
    expect(namesOf(await search(alice, 'b.test', { filter: { room_types: ['m.space'] } }))).toEqual(['Space'])
    expect(namesOf(await search(alice, 'b.test', { filter: { room_types: [null] }, limit: 5 }))).toEqual(['Laboratory'])
    expect(namesOf(await search(alice, 'b.test', { third_party_instance_id: 'irc' }))).toEqual([])
  })

  test('are not mixed with those of this one', async () => {
    const { alice, bob } = await twoServers()
    await createRoom(alice, listed('here'))
    await createRoom(bob, listed('there'))
    expect(namesOf(await alice.request('GET', at('a.test')))).toEqual(['here'])
    expect(namesOf(await alice.request('GET', `${v3}/publicRooms`))).toEqual(['here'])
    expect(namesOf(await alice.request('GET', at('b.test')))).toEqual(['there'])
  })

  it.each(['b_test', 'b.test/x', 'b.test:http', '', 'b.test%00'])('of %j cannot be', async (name) => {
    const { world, alice } = await twoServers()
    expect(await errorOf(alice, at(name))).toEqual([400, 'M_INVALID_PARAM'])
    expect(world.network.asked).toEqual([])
  })

  const room = { room_id: '!r:peer.test', num_joined_members: 1, world_readable: false, guest_can_join: false }
  const bad = [
    null,
    [],
    { ...room, room_id: 5 },
    { ...room, room_id: 'r' },
    { ...room, num_joined_members: -1 },
    { ...room, num_joined_members: 'many' },
    { ...room, world_readable: undefined },
  ]
  test('are taken as far as they are right', async () => {
    const odd = { ...room, name: 5, topic: {}, avatar_url: 'https://x/', canonical_alias: 'x', encryption: 'none', extra: 1 }
    const { alice } = await facing(() => Response.json({ chunk: [...bad, odd], next_batch: null }))
    const { body } = await alice.request('GET', at('peer.test'))
    expect(body).toEqual({ chunk: [{ ...room, join_rule: 'public' }], total_room_count_estimate: 1 })
  })

  test('are asked for in small portions, and no more is taken', async () => {
    const many = Array.from({ length: 1000 }, (_, index) => ({ ...room, room_id: `!r${index}:peer.test` }))
    const { world, alice } = await facing(() => Response.json({ chunk: many, total_room_count_estimate: 1000 }))
    expect((await alice.request('GET', at('peer.test'))).body.chunk).toHaveLength(100)
    expect((await alice.request('GET', `${at('peer.test')}&limit=7`)).body.chunk).toHaveLength(7)
    const questions = world.network.asked.filter((what) => what.includes('publicRooms'))
    expect(questions.map((what) => /limit=\d+/.exec(what)?.[0])).toEqual(['limit=100', 'limit=7'])
  })

  it.each([
    ['a refusal', () => Response.json({ errcode: 'M_FORBIDDEN', error: 'no' }, { status: 403 }), [403, 'M_FORBIDDEN']],
    ['an error', () => Response.json({ errcode: 'M_UNKNOWN', error: 'no' }, { status: 500 }), [502, 'M_UNKNOWN']],
    ['no list', () => Response.json({ chunk: 5 }), [502, 'M_UNKNOWN']],
    ['a giant list', () => Response.json({ chunk: ['x'.repeat(3_000_000)] }), [502, 'M_UNKNOWN']],
    ['no JSON', () => new Response('<html>'), [502, 'M_UNKNOWN']],
    ['a giant token', () => Response.json({ chunk: [], next_batch: 'x'.repeat(100_000) }), [502, 'M_UNKNOWN']],
  ])('cannot be had after %s', async (_, answer, expected) => {
    const { alice } = await facing(answer)
    expect(await errorOf(alice, at('peer.test'))).toEqual(expected)
  })
})

describe('other servers', () => {
  const path = '/_matrix/federation/v1/publicRooms'

  async function setUp() {
    const world = await createWorld()
    const a = await world.server('a.test', federating)
    const { signer } = createPeer(world, 'peer.test')
    return { a, signer, alice: await a.register('alice') }
  }

  test('see what everybody sees', async () => {
    const { a, signer, alice } = await setUp()
    await createRoom(alice, listed('open'))
    await createRoom(alice, listed('closed', { preset: 'private_chat' }))
    await createRoom(alice, { name: 'hidden' })
    expect(namesOf(await askAs(signer, a, 'GET', `${path}?limit=10&include_all_networks=true`))).toEqual(['open'])
    expect(namesOf(await askAs(signer, a, 'POST', path, { filter: { generic_search_term: 'OP' } }))).toEqual(['open'])
    expect(namesOf(await askAs(signer, a, 'POST', path, { filter: { generic_search_term: 'x' } }))).toEqual([])
  })

  it.each([
    ['GET', `${path}?limit=-1`, undefined, 'M_INVALID_PARAM'],
    ['GET', `${path}?since=x`, undefined, 'M_INVALID_PARAM'],
    ['POST', path, { filter: 5 }, 'M_BAD_JSON'],
    ['POST', path, { limit: 'x' }, 'M_BAD_JSON'],
  ] as const)('that ask %s %s with %j are told what is wrong', async (method, target, content, errcode) => {
    const { a, signer } = await setUp()
    expect(await askAs(signer, a, method, target, content)).toMatchObject({ status: 400, body: { errcode } })
  })

  test('must sign', async () => {
    const { a } = await setUp()
    expect((await a.federation('GET', path)).status).toBe(401)
  })
})

test('a server that speaks with no others asks none', async () => {
  const world = await createWorld()
  const alice = await (await world.server('a.test')).register('alice')
  expect(await errorOf(alice, at('b.test'))).toEqual([400, 'M_UNKNOWN'])
})

test('an alias names the servers that are in the room', async () => {
  const { a, alice, bob } = await twoServers()
  const roomId = await createRoom(bob, { preset: 'public_chat', room_alias_name: 'practice' })
  const alias = encodeURIComponent('#practice:b.test')
  expect((await a.request('GET', `${v3}/directory/room/${alias}`)).body).toEqual({ room_id: roomId, servers: ['b.test'] })
  expect((await alice.request('POST', `${v3}/join/${alias}`, {})).status).toBe(200)
  expect((await a.request('GET', `${v3}/directory/room/${alias}`)).body).toEqual({
    room_id: roomId,
    servers: ['b.test', 'a.test'],
  })
})
