import { describe, expect, test } from 'vitest'
import { createWorld, type TestUser } from '../support/world.ts'
import { createRoom, hierarchy, invite, join, link, namesIn, v3 } from './kit.ts'

async function setUp() {
  const world = await createWorld()
  const server = await world.server('a.test')
  return { world, server, alice: await server.register('alice'), bob: await server.register('bob') }
}

/** root → R1, SS1 → SS2 → (R3, R4), R2; R1 and R2 are suggested. */
async function tree({ world, alice }: Awaited<ReturnType<typeof setUp>>) {
  const rooms: Record<string, string> = {}
  for (const name of ['root', 'R1', 'SS1', 'R2', 'SS2', 'R3', 'R4'])
    rooms[name] = await createRoom(alice, name, { space: name === 'root' || name.startsWith('SS') })
  const links = [
    ['root', 'R1', { suggested: true }],
    ['root', 'SS1', {}],
    ['root', 'R2', { suggested: true }],
    ['R2', 'R3', {}],
    ['SS1', 'SS2', {}],
    ['SS2', 'R3', {}],
    ['SS2', 'R4', {}],
  ] as const
  for (const [parent, child, content] of links) {
    await link(alice, rooms[parent] ?? '', rooms[child] ?? '', content)
    await world.clock.advance(1)
  }
  return rooms as { root: string; R1: string; SS1: string; R2: string; SS2: string; R3: string; R4: string }
}

const errorOf = async (user: TestUser, roomId: string, query = '') => {
  const { status, body } = await hierarchy(user, roomId, query)
  return [status, body.errcode]
}

describe('a space', () => {
  test('is told depth first, with the links of each space in it', async () => {
    const scene = await setUp()
    const rooms = await tree(scene)
    const { body } = await hierarchy(scene.alice, rooms.root)
    expect(body.rooms.map(({ name }: { name: string }) => name)).toEqual(['root', 'R1', 'SS1', 'SS2', 'R3', 'R4', 'R2'])
    const links = Object.fromEntries(
      body.rooms.map((room: { name: string; children_state: { state_key: string }[] }) => [
        room.name,
        room.children_state.map(({ state_key }) => state_key),
      ]),
    )
    expect(links).toMatchObject({ root: [rooms.R1, rooms.SS1, rooms.R2], SS2: [rooms.R3, rooms.R4], R2: [], R1: [] })
    expect(body.rooms[0]).toMatchObject({ room_type: 'm.space', join_rule: 'public', num_joined_members: 1, room_version: '12' })
    expect(body.rooms[0].children_state[0]).toEqual({
      type: 'm.space.child',
      state_key: rooms.R1,
      sender: '@alice:a.test',
      content: { via: ['a.test'], suggested: true },
      origin_server_ts: expect.any(Number),
    })
    expect(body.next_batch).toBeUndefined()
  })

  test('can be looked into only so deep, and only at what is suggested', async () => {
    const scene = await setUp()
    const { root } = await tree(scene)
    expect(await namesIn(scene.alice, root, 'max_depth=0')).toEqual(['root'])
    expect(await namesIn(scene.alice, root, 'max_depth=1')).toEqual(['root', 'R1', 'SS1', 'R2'])
    expect(await namesIn(scene.alice, root, 'max_depth=2')).toEqual(['root', 'R1', 'SS1', 'SS2', 'R2'])
    const { body } = await hierarchy(scene.alice, root, 'suggested_only=true')
    expect(body.rooms.map(({ name }: { name: string }) => name)).toEqual(['root', 'R1', 'R2'])
    expect(body.rooms[0].children_state).toHaveLength(2)
  })

  test('comes in pages, each of which can be had twice', async () => {
    const scene = await setUp()
    const { root } = await tree(scene)
    const first = await hierarchy(scene.alice, root, 'limit=4')
    expect(first.body.rooms.map(({ name }: { name: string }) => name)).toEqual(['root', 'R1', 'SS1', 'SS2'])
    for (const query of ['', '&max_depth=10', '&suggested_only=false', '&limit=50']) {
      const names = await namesIn(scene.alice, root, `from=${first.body.next_batch}${query}`)
      expect(names).toEqual(['R3', 'R4', 'R2'])
    }
    const one = await hierarchy(scene.alice, root, `from=${first.body.next_batch}&limit=1`)
    expect(await namesIn(scene.alice, root, `from=${one.body.next_batch}`)).toEqual(['R4', 'R2'])
  })

  test('has tokens that are good for one person, one space, one way of looking, and ten minutes', async () => {
    const scene = await setUp()
    const { root, SS1 } = await tree(scene)
    const from = `from=${(await hierarchy(scene.alice, root, 'limit=1')).body.next_batch}`
    const refused = [400, 'M_INVALID_PARAM']
    expect(await errorOf(scene.alice, root, `${from}&max_depth=1`)).toEqual(refused)
    expect(await errorOf(scene.alice, root, `${from}&suggested_only=true`)).toEqual(refused)
    expect(await errorOf(scene.alice, SS1, from)).toEqual(refused)
    expect(await errorOf(scene.bob, root, from)).toEqual(refused)
    expect(await errorOf(scene.alice, root, 'from=nonsense')).toEqual(refused)
    await scene.world.clock.advance(600_000)
    expect(await errorOf(scene.alice, root, from)).toEqual(refused)
  })

  test.each(['limit=0', 'limit=-1', 'limit=x', 'max_depth=-1', 'suggested_only=perhaps'])('refuses %s', async (query) => {
    const { alice } = await setUp()
    expect(await errorOf(alice, await createRoom(alice, 'root'), query)).toEqual([400, 'M_INVALID_PARAM'])
  })

  test('that holds itself ends all the same', async () => {
    const { alice } = await setUp()
    const [one, two] = [await createRoom(alice, 'one', { space: true }), await createRoom(alice, 'two', { space: true })]
    await link(alice, one, two)
    await link(alice, two, one)
    await link(alice, two, two)
    expect(await namesIn(alice, one)).toEqual(['one', 'two'])
  })

  test('shows its children in their order, and only those with servers', async () => {
    const { world, alice } = await setUp()
    const space = await createRoom(alice, 'space', { space: true })
    const wishes: [string, object][] = [
      ['late', {}],
      ['first', { order: ' ' }],
      ['third', { order: 'first' }],
      ['second', { order: 'aaaa' }],
      ['odd order', { order: 'é' }],
      ['gone', { via: undefined }],
      ['nowhere', { via: [] }],
      ['no list', { via: 'a.test' }],
      ['no servers', { via: [5, 'not a name'] }],
    ]
    for (const [name, content] of wishes) {
      await world.clock.advance(10)
      await link(alice, space, await createRoom(alice, name), content)
    }
    await link(alice, space, 'no room')
    expect(await namesIn(alice, space)).toEqual(['space', 'first', 'second', 'third', 'late', 'odd order'])
    expect((await hierarchy(alice, space)).body.rooms[0].children_state).toHaveLength(5)
  })

  test('loses a child whose link is emptied', async () => {
    const scene = await setUp()
    const { root, SS1 } = await tree(scene)
    await link(scene.alice, root, SS1, { via: undefined })
    expect(await namesIn(scene.alice, root)).toEqual(['root', 'R1', 'R2'])
  })

  test('of thousands of rooms is told a hundred at a time', async () => {
    const { alice } = await setUp()
    const space = await createRoom(alice, 'space', { space: true })
    for (let index = 0; index < 120; index += 1) await link(alice, space, `!nowhere${index}:a.test`)
    for (let index = 0; index < 3; index += 1) await link(alice, space, await createRoom(alice, `room ${index}`))
    expect(await namesIn(alice, space, 'limit=1000')).toHaveLength(4)
  })
})

describe('a room is shown', () => {
  async function seen(prepare: (alice: TestUser, bob: TestUser, space: string) => Promise<string>) {
    const { alice, bob } = await setUp()
    const space = await createRoom(alice, 'space', { space: true })
    await join(bob, space)
    await link(alice, space, await prepare(alice, bob, space))
    return (await namesIn(bob, space)).includes('room')
  }

  test.each([
    ['public', {}, true],
    ['by invitation', { preset: 'private_chat' }, false],
    ['by knocking', { joinRule: 'knock' }, true],
    ['by knocking, where that cannot be', { joinRule: 'knock', version: '6' }, false],
    ['by a rule nobody knows', { joinRule: 'fee' }, false],
    ['by invitation, but everybody may read it', { preset: 'private_chat', readable: true }, true],
    ['to members of this space', { openedBy: ['space'] }, true],
    ['to members of this space, or after knocking', { openedBy: ['space'], joinRule: 'knock_restricted' }, true],
    ['to members of another one', { openedBy: ['!x:a.test'] }, false],
    ['to members of this space, where that cannot be', { openedBy: ['space'], version: '7' }, false],
  ] as const)('%s: %j → %j', async (_, wish, expected) => {
    const shown = await seen(async (alice, _bob, space) => {
      const openedBy = 'openedBy' in wish ? wish.openedBy.map((id) => (id === 'space' ? space : id)) : undefined
      return createRoom(alice, 'room', { ...wish, ...(openedBy && { openedBy }) } as never)
    })
    expect(shown).toBe(expected)
  })

  test('to those who are in it or invited, and not to those who are banned', async () => {
    expect(
      await seen(async (alice, bob) => {
        const room = await createRoom(alice, 'room', { preset: 'private_chat' })
        await invite(alice, room, bob.userId)
        return room
      }),
    ).toBe(true)
    expect(
      await seen(async (alice, bob) => {
        const room = await createRoom(alice, 'room')
        const path = `${v3}/rooms/${encodeURIComponent(room)}/ban`
        expect((await alice.request('POST', path, { user_id: bob.userId })).status).toBe(200)
        return room
      }),
    ).toBe(false)
  })

  test('as little as a space that one cannot see, with all that is in it', async () => {
    const { alice, bob } = await setUp()
    const root = await createRoom(alice, 'root', { space: true })
    const inner = await createRoom(alice, 'inner', { space: true, preset: 'private_chat' })
    await link(alice, root, inner)
    await link(alice, inner, await createRoom(alice, 'room'))
    await join(bob, root)
    expect(await namesIn(bob, root)).toEqual(['root'])
    expect(await errorOf(bob, inner)).toEqual([403, 'M_FORBIDDEN'])
    await invite(alice, inner, bob.userId)
    expect(await namesIn(bob, root)).toEqual(['root', 'inner', 'room'])
  })

  test('never, where there is none', async () => {
    const { alice } = await setUp()
    expect(await errorOf(alice, '!nothing:a.test')).toEqual([403, 'M_FORBIDDEN'])
    expect(await errorOf(alice, 'nothing')).toEqual([400, 'M_INVALID_PARAM'])
  })
})
