import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/matrix/json.ts'
import { askAs, createPeer } from '../federation/kit.ts'
import { createWorld, federating } from '../support/world.ts'
import { createRoom, hierarchy, invite, join, link, namesIn, twoServers, v3 } from './kit.ts'

const hierarchyAt = (roomId: string, query = '') =>
  `/_matrix/federation/v1/hierarchy/${encodeURIComponent(roomId)}${query && `?${query}`}`

describe('a space over two servers', () => {
  test('is told whole', async () => {
    const { alice, bob } = await twoServers()
    const [root, ss1] = [await createRoom(alice, 'root', { space: true }), await createRoom(alice, 'SS1', { space: true })]
    const [r1, r4] = [await createRoom(alice, 'R1'), await createRoom(alice, 'R4')]
    const [r2, r3, ss2] = [
      await createRoom(bob, 'R2'),
      await createRoom(bob, 'R3'),
      await createRoom(bob, 'SS2', { space: true }),
    ]
    const there = { via: ['b.test'] }
    await link(alice, root, r1, { order: 'a' })
    await link(alice, root, ss1, { order: 'b' })
    await link(alice, root, r2, { ...there, order: 'c' })
    await link(alice, ss1, ss2, { ...there, order: 'a' })
    await link(alice, ss1, r3, { ...there, order: 'b' })
    await link(bob, ss2, r4, { via: ['a.test'] })
    expect(await namesIn(alice, root)).toEqual(['root', 'R1', 'SS1', 'SS2', 'R4', 'R3', 'R2'])
    const first = await hierarchy(alice, root, 'limit=3')
    expect(await namesIn(alice, root, `from=${first.body.next_batch}`)).toEqual(['SS2', 'R4', 'R3', 'R2'])
  })

  test('is asked for once in a while, and its rooms with it', async () => {
    const { world, alice, bob } = await twoServers()
    const [root, space] = [await createRoom(alice, 'root', { space: true }), await createRoom(bob, 'space', { space: true })]
    await link(alice, root, space, { via: ['a.test', 'nobody.test', 'b.test'] })
    for (const name of ['one', 'two', 'three']) await link(bob, space, await createRoom(bob, name))
    const asked = () => world.network.asked.filter((what) => what.startsWith('b.test/_matrix/federation/v1/hierarchy')).length
    for (const _ of [1, 2]) expect((await namesIn(alice, root)).toSorted()).toEqual(['one', 'root', 'space', 'three', 'two'])
    expect(asked()).toBe(1)
    await world.clock.advance(5 * 60_000)
    expect(await namesIn(alice, root)).toHaveLength(5)
    expect(asked()).toBe(2)
  })

  test('hides a room from those whom it would not let in, as soon as the other server can tell', async () => {
    const { a, alice, bob } = await twoServers()
    const carol = await a.register('carol')
    const space = await createRoom(alice, 'space', { space: true, readable: true })
    const room = await createRoom(bob, 'room', { openedBy: [space], version: '8' })
    await link(alice, space, room, { via: ['b.test'] })
    expect(await namesIn(alice, space)).toEqual(['space'])
    await join(bob, space, 'a.test')
    expect(await namesIn(alice, space)).toEqual(['space', 'room'])
    expect(await namesIn(carol, space)).toEqual(['space'])
  })

  test('goes without the rooms of a server that is not there', async () => {
    const { world, alice, bob } = await twoServers()
    const space = await createRoom(alice, 'space', { space: true })
    for (const name of ['one', 'two']) await link(alice, space, await createRoom(bob, name), { via: ['b.test'] })
    await link(alice, space, await createRoom(alice, 'here'))
    world.network.cut('b.test')
    expect(await namesIn(alice, space)).toEqual(['space', 'here'])
  })
})

describe('other servers', () => {
  async function setUp() {
    const world = await createWorld()
    const a = await world.server('a.test', federating)
    const { signer } = createPeer(world, 'peer.test')
    const ask = (roomId: string, query?: string) => askAs(signer, a, 'GET', hierarchyAt(roomId, query))
    return { world, a, ask, alice: await a.register('alice') }
  }
  const unseen = { status: 404, body: { errcode: 'M_NOT_FOUND' } }

  test('learn what they could enter, and what not', async () => {
    const { ask, alice } = await setUp()
    const space = await createRoom(alice, 'space', { space: true })
    const [open, closed] = [await createRoom(alice, 'open'), await createRoom(alice, 'closed', { preset: 'private_chat' })]
    await link(alice, space, open, { suggested: true })
    await link(alice, space, closed)
    await link(alice, space, '!elsewhere:b.test', { via: ['b.test'] })
    const { status, body } = await ask(space)
    expect(status).toBe(200)
    expect(body.room).toMatchObject({ room_id: space, name: 'space', room_type: 'm.space' })
    expect(body.room.children_state).toHaveLength(3)
    expect(body.children.map(({ name }: { name: string }) => name)).toEqual(['open'])
    expect(body.inaccessible_children).toEqual([closed])
    const suggested = (await ask(space, 'suggested_only=true')).body
    expect(suggested.room.children_state).toHaveLength(1)
    expect(suggested.inaccessible_children).toEqual([])
  })

  test('learn nothing of what is closed to them, or not here', async () => {
    const { ask, alice } = await setUp()
    expect(await ask(await createRoom(alice, 'closed', { preset: 'private_chat' }))).toMatchObject(unseen)
    expect(await ask(await createRoom(alice, 'restricted', { openedBy: ['!x:a.test'] }))).toMatchObject(unseen)
    expect(await ask('!nothing:a.test')).toMatchObject(unseen)
    expect((await ask(await createRoom(alice, 'by knocking', { joinRule: 'knock' }))).status).toBe(200)
    expect((await ask(await createRoom(alice, 'to read', { preset: 'private_chat', readable: true }))).status).toBe(200)
    const barred = await createRoom(alice, 'barred')
    const acl = { allow: ['*'], deny: ['peer.test'] }
    const put = await alice.request('PUT', `${v3}/rooms/${encodeURIComponent(barred)}/state/m.room.server_acl/`, acl)
    expect(put.status).toBe(200)
    expect(await ask(barred)).toMatchObject(unseen)
  })

  test('learn of rooms that their users are invited to', async () => {
    const { a, b, alice, bob } = await twoServers()
    const room = await createRoom(alice, 'closed', { preset: 'private_chat' })
    const space = await createRoom(bob, 'space', { space: true })
    await link(bob, space, room, { via: ['a.test'] })
    expect(await namesIn(bob, space)).toEqual(['space'])
    await invite(alice, room, bob.userId)
    expect(await namesIn(bob, space)).toEqual(['space', 'closed'])
    expect([a.name, b.name]).toEqual(['a.test', 'b.test'])
  })
})

describe('a server that lies', () => {
  const room = (id: string, more: JsonObject = {}): JsonObject => ({
    room_id: id,
    num_joined_members: 1,
    world_readable: true,
    guest_can_join: false,
    name: id,
    ...more,
  })
  const child = (id: string, more: JsonObject = {}): JsonObject => ({
    type: 'm.space.child',
    state_key: id,
    sender: '@x:peer.test',
    content: { via: ['peer.test'] },
    origin_server_ts: 1,
    ...more,
  })
  const space = (id: string, children: JsonObject[]) => room(id, { room_type: 'm.space', children_state: children })
  const answer = (about: unknown, children: unknown = [], closed: unknown = []) =>
    Response.json({ room: about, children, inaccessible_children: closed })

  /** a.test with a space that links to `!s:peer.test`; peer.test answers by room. */
  async function facing(tell: (roomId: string) => Response) {
    const world = await createWorld()
    world.network.host('peer.test', (request) => {
      const id = decodeURIComponent(new URL(request.url).pathname.split('/').at(-1) ?? '')
      return request.url.includes('/hierarchy/') ? tell(id) : new Response(null, { status: 404 })
    })
    const alice = await (await world.server('a.test', federating)).register('alice')
    const root = await createRoom(alice, 'root', { space: true })
    await link(alice, root, '!s:peer.test', { via: ['peer.test'] })
    return { world, alice, root }
  }

  test.each([
    ['another room', () => answer(space('!t:peer.test', []))],
    ['no room', () => answer(null)],
    ['a wrong room', () => answer({ room_id: '!s:peer.test' })],
    ['no list of children', () => answer(room('!s:peer.test'), 5)],
    ['a giant', () => answer(room('!s:peer.test', { topic: 'x'.repeat(3_000_000) }))],
    ['no JSON', () => new Response('<html>')],
  ])('and tells of %s is not believed', async (_, tell) => {
    const { alice, root } = await facing(tell)
    expect(await namesIn(alice, root)).toEqual(['root'])
  })

  test('is believed about the children of its space only, and not about rooms that are known here', async () => {
    let own = ''
    const { alice, root } = await facing((id) =>
      id === '!s:peer.test'
        ? answer(
            space(id, [child('!c:peer.test'), child(own), child('!odd:peer.test', { origin_server_ts: 'x' })]),
            [room('!c:peer.test'), room('!foreign:peer.test'), room(own, { name: 'lie', num_joined_members: 99 })],
            [own],
          )
        : answer(null),
    )
    own = await createRoom(alice, 'mine', { preset: 'private_chat' })
    const { body } = await hierarchy(alice, root)
    expect(body.rooms.map(({ name }: { name: string }) => name).toSorted()).toEqual([
      '!c:peer.test',
      '!s:peer.test',
      'mine',
      'root',
    ])
    expect(body.rooms.find(({ name }: { name: string }) => name === '!s:peer.test').children_state).toHaveLength(2)
  })

  test('and has no end of spaces is asked only so often', async () => {
    const { world, alice, root } = await facing((id) => {
      const depth = Number(/\d+/.exec(id)?.[0] ?? 0)
      const next = Array.from(
        { length: 300 },
        (_, index) => `!${depth + 1}x${index}${id.slice(1, 60).replace(':peer.test', '')}:peer.test`,
      )
      return answer(
        space(
          id,
          next.map((one) => child(one)),
        ),
      )
    })
    const { body } = await hierarchy(alice, root, 'limit=100&max_depth=50')
    expect(body.rooms.length).toBeLessThanOrEqual(100)
    expect(world.network.asked.filter((what) => what.includes('/hierarchy/')).length).toBeLessThanOrEqual(61)
  })

  test('shows nobody a room that its own words keep closed', async () => {
    const hidden = { world_readable: false, join_rule: 'invite' }
    const { alice, root } = await facing((id) => answer(room(id, hidden)))
    expect(await namesIn(alice, root)).toEqual(['root'])
  })
})
