import { describe, expect, test } from 'vitest'
import type { TestUser } from '../support/world.ts'
import { createRoom, join, registerAdmin, setState, setUp, v3 } from './kit.ts'

interface Listed {
  readonly room_id: string
  readonly name?: string
}

const search = (user: TestUser, body: unknown = {}, query = '') => user.request('POST', `${v3}/publicRooms${query}`, body)
const namesIn = ({ body }: { body: { chunk: readonly Listed[] } }) => body.chunk.map(({ name }) => name)
const visibilityPath = (roomId: string) => `${v3}/directory/list/room/${encodeURIComponent(roomId)}`
const setVisibility = (user: TestUser, roomId: string, visibility?: string) =>
  user.request('PUT', visibilityPath(roomId), visibility === undefined ? {} : { visibility })

describe('what is said of a room', () => {
  test('everything that a room says of itself', async () => {
    const { server, alice, bob } = await setUp()
    const roomId = await createRoom(alice, {
      visibility: 'public',
      name: 'un nom français',
      topic: 'un topic à la française',
      room_alias_name: 'practice',
      creation_content: { type: 'm.space' },
      initial_state: [
        { type: 'm.room.avatar', content: { url: 'mxc://a.test/picture' } },
        { type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } },
        { type: 'm.room.guest_access', content: { guest_access: 'can_join' } },
      ],
    })
    await join(bob, roomId)
    const { body } = await server.request('GET', `${v3}/publicRooms`)
    expect(body).toEqual({
      chunk: [
        {
          room_id: roomId,
          num_joined_members: 2,
          world_readable: true,
          guest_can_join: true,
          join_rule: 'public',
          name: 'un nom français',
          topic: 'un topic à la française',
          canonical_alias: '#practice:a.test',
          avatar_url: 'mxc://a.test/picture',
          room_type: 'm.space',
        },
      ],
      total_room_count_estimate: 1,
    })
  })

  test('what is not set, or not what it should be, is left out', async () => {
    const { server, alice } = await setUp()
    const roomId = await createRoom(alice, {
      visibility: 'public',
      creation_content: { type: 7 },
      initial_state: [
        { type: 'm.room.avatar', content: { url: 'https://tracker.example/pixel' } },
        { type: 'm.room.name', content: { name: ['a'] } },
        { type: 'm.room.topic', content: { topic: '' } },
      ],
    })
    const { body } = await server.request('GET', `${v3}/publicRooms`)
    expect(body.chunk).toEqual([
      { room_id: roomId, num_joined_members: 1, world_readable: false, guest_can_join: false, join_rule: 'public' },
    ])
  })
})

describe('which rooms are listed', () => {
  test('those published, unless nobody can enter or read them or all have left', async () => {
    const { alice } = await setUp()
    await createRoom(alice, { preset: 'public_chat', name: 'not published' })
    await createRoom(alice, { visibility: 'public', preset: 'private_chat', name: 'for those invited' })
    const knock = [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }]
    await createRoom(alice, { visibility: 'public', initial_state: knock, name: 'knock' })
    const readable = [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }]
    await createRoom(alice, { visibility: 'public', preset: 'private_chat', initial_state: readable, name: 'readable' })
    const left = await createRoom(alice, { visibility: 'public', name: 'left' })
    await alice.request('POST', `${v3}/rooms/${encodeURIComponent(left)}/leave`, {})
    expect(namesIn(await search(alice))).toEqual(['knock', 'readable'])
  })

  test('a change of visibility is seen at once', async () => {
    const { server, alice } = await setUp()
    const roomId = await createRoom(alice, { preset: 'public_chat', name: 'practice' })
    const visibility = async () => (await server.request('GET', visibilityPath(roomId))).body.visibility
    expect(await visibility()).toBe('private')
    expect(await setVisibility(alice, roomId)).toMatchObject({ status: 200, body: {} })
    expect(await visibility()).toBe('public')
    expect(namesIn(await search(alice))).toEqual(['practice'])
    await setVisibility(alice, roomId, 'private')
    expect(await visibility()).toBe('private')
    expect(namesIn(await search(alice))).toEqual([])
  })

  test('it takes the power level for the canonical alias, or to administer the server', async () => {
    const { server, alice, bob } = await setUp()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    expect((await setVisibility(bob, roomId, 'public')).status).toBe(403)
    await join(bob, roomId)
    expect(await setVisibility(bob, roomId, 'public')).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    const admin = await registerAdmin(server, 'admin')
    expect((await setVisibility(admin, roomId, 'public')).status).toBe(200)
    const levels = { users: { [bob.userId]: 10 }, events: { 'm.room.canonical_alias': 10 } }
    await setState(alice, roomId, 'm.room.power_levels', levels)
    expect((await setVisibility(bob, roomId, 'private')).status).toBe(200)
  })

  test('bad questions get clear answers', async () => {
    const { server, alice } = await setUp()
    const roomId = await createRoom(alice)
    expect(await setVisibility(alice, roomId, 'secret')).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    expect(await setVisibility(alice, '!nowhere:a.test')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect((await server.request('GET', visibilityPath('!nowhere:a.test'))).status).toBe(404)
    const invalid = { status: 400, body: { errcode: 'M_INVALID_PARAM' } }
    expect(await search(alice, { since: 'yesterday' })).toMatchObject(invalid)
    expect(await server.request('GET', `${v3}/publicRooms?limit=some`)).toMatchObject(invalid)
    expect(await search(alice, { filter: { room_types: [7] } })).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    expect((await server.request('POST', `${v3}/publicRooms`, {})).status).toBe(401)
  })
})

describe('searching', () => {
  test('name, topic and alias are searched, whatever the case', async () => {
    const { alice } = await setUp()
    await createRoom(alice, { visibility: 'public', name: 'Test Name', topic: 'Test Topic Wombles' })
    await createRoom(alice, { visibility: 'public', name: 'ÄRZTE' })
    await createRoom(alice, { visibility: 'public', name: 'third', room_alias_name: 'hidden-wombat' })
    const find = async (term: string) => namesIn(await search(alice, { filter: { generic_search_term: term } }))
    expect(await find('wombles')).toEqual(['Test Name'])
    expect(await find('ärzte')).toEqual(['ÄRZTE'])
    expect(await find('WOMB')).toEqual(['Test Name', 'third'])
    expect(await find('nothing')).toEqual([])
    expect(await find('')).toHaveLength(3)
  })

  test('by type of room; null stands for none', async () => {
    const { alice } = await setUp()
    await createRoom(alice, { visibility: 'public', name: 'plain' })
    await createRoom(alice, { visibility: 'public', name: 'space', creation_content: { type: 'm.space' } })
    const find = async (types: unknown) => namesIn(await search(alice, { filter: { room_types: types } }))
    expect(await find([null])).toEqual(['plain'])
    expect(await find(['m.space'])).toEqual(['space'])
    expect(await find([null, 'm.space'])).toEqual(['plain', 'space'])
    expect(await find([])).toEqual([])
  })

  test('other servers and other networks', async () => {
    const { server, alice } = await setUp()
    await createRoom(alice, { visibility: 'public', name: 'ours' })
    expect(namesIn(await search(alice, {}, '?server=a.test'))).toEqual(['ours'])
    expect(await search(alice, {}, '?server=b.test')).toMatchObject({ status: 400, body: { errcode: 'M_UNKNOWN' } })
    expect((await server.request('GET', `${v3}/publicRooms?server=b.test`)).status).toBe(400)
    expect(await search(alice, {}, '?server=not%20one')).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    expect((await search(alice, { third_party_instance_id: 'irc' })).body).toEqual({ chunk: [], total_room_count_estimate: 0 })
  })
})

describe('pages', () => {
  /** Rooms `r0` to `r6`; `r5` and `r3` have one more member, so they come first. */
  async function sevenRooms() {
    const { alice, bob } = await setUp()
    const ids: string[] = []
    for (let index = 0; index < 7; index += 1) ids.push(await createRoom(alice, { visibility: 'public', name: `r${index}` }))
    for (const index of [5, 3]) await join(bob, ids[index] ?? '')
    return { alice, ids }
  }
  const order = ['r3', 'r5', 'r0', 'r1', 'r2', 'r4', 'r6']

  test('forwards and back again, each room once, largest first', async () => {
    const { alice } = await sevenRooms()
    const first = await search(alice, { limit: 3 })
    expect(namesIn(first)).toEqual(order.slice(0, 3))
    expect(first.body.total_room_count_estimate).toBe(7)
    expect(first.body).not.toHaveProperty('prev_batch')
    const second = await search(alice, { limit: 3, since: first.body.next_batch })
    expect(namesIn(second)).toEqual(order.slice(3, 6))
    const third = await search(alice, { limit: 3, since: second.body.next_batch })
    expect(namesIn(third)).toEqual(order.slice(6))
    expect(third.body).not.toHaveProperty('next_batch')
    const back = await search(alice, { limit: 3, since: third.body.prev_batch })
    expect(namesIn(back)).toEqual(order.slice(3, 6))
    const start = await search(alice, { limit: 3, since: back.body.prev_batch })
    expect(namesIn(start)).toEqual(order.slice(0, 3))
    expect(start.body).not.toHaveProperty('prev_batch')
    expect(start.body.next_batch).toBe(first.body.next_batch)
  })

  test('a list that changes meanwhile shows nothing twice', async () => {
    const { alice, ids } = await sevenRooms()
    const first = await search(alice, { limit: 3 })
    await setVisibility(alice, ids[0] ?? '', 'private')
    expect(namesIn(await search(alice, { limit: 3, since: first.body.next_batch }))).toEqual(order.slice(3, 6))
    for (const id of ids.slice(1)) await setVisibility(alice, id, 'private')
    const { body } = await search(alice, { limit: 3, since: first.body.next_batch })
    expect(body).toEqual({ chunk: [], total_room_count_estimate: 0 })
  })

  test('a search goes on over pages', async () => {
    const { alice } = await sevenRooms()
    const filter = { generic_search_term: 'r' }
    const names: (string | undefined)[] = []
    let since: string | undefined
    do {
      const page = await search(alice, { limit: 2, filter, ...(since !== undefined && { since }) })
      names.push(...namesIn(page))
      since = page.body.next_batch
    } while (since !== undefined)
    expect(names).toEqual(order)
  })
})
