import { describe, expect, test } from 'vitest'
import { withoutAlias } from '../../src/directory/room-aliases.ts'
import type { TestUser } from '../support/world.ts'
import { createRoom, join, registerAdmin, setState, setUp, stateOf, v3 } from './kit.ts'

const aliasPath = (alias: string) => `${v3}/directory/room/${encodeURIComponent(alias)}`
const add = (user: TestUser, roomId: string, alias: string) => user.request('PUT', aliasPath(alias), { room_id: roomId })
const look = (user: TestUser, alias: string) => user.request('GET', aliasPath(alias))
const remove = (user: TestUser, alias: string) => user.request('DELETE', aliasPath(alias))
const list = (user: TestUser, roomId: string) => user.request('GET', `${v3}/rooms/${encodeURIComponent(roomId)}/aliases`)

describe('making and reading', () => {
  test('an alias leads to its room, for those without a token too', async () => {
    const { server, alice } = await setUp()
    const roomId = await createRoom(alice)
    expect(await add(alice, roomId, '#practice:a.test')).toMatchObject({ status: 200, body: {} })
    const found = await server.request('GET', aliasPath('#practice:a.test'))
    expect(found).toMatchObject({ status: 200, body: { room_id: roomId, servers: ['a.test'] } })
  })

  test('an alias may be of any script', async () => {
    const { alice } = await setUp()
    const roomId = await createRoom(alice)
    const alias = '#老虎Â£я🤨👉ඞ:a.test'
    expect((await add(alice, roomId, alias)).status).toBe(200)
    expect((await look(alice, alias)).body.room_id).toBe(roomId)
  })

  test('an alias made with the room is one like all others', async () => {
    const { alice } = await setUp()
    const roomId = await createRoom(alice, { room_alias_name: 'made' })
    expect((await look(alice, '#made:a.test')).body.room_id).toBe(roomId)
    expect((await remove(alice, '#made:a.test')).status).toBe(200)
  })

  test('an alias is given once', async () => {
    const { alice } = await setUp()
    await add(alice, await createRoom(alice), '#practice:a.test')
    const second = await createRoom(alice)
    expect(await add(alice, second, '#practice:a.test')).toMatchObject({ status: 409, body: { errcode: 'M_UNKNOWN' } })
    expect((await look(alice, '#practice:a.test')).body.room_id).not.toBe(second)
  })

  test.each([
    ['without a name', '#:a.test'],
    ['without a server', '#practice'],
    ['of another sigil', '!practice:a.test'],
    ['with a space', '#my practice:a.test'],
    ['too long', `#${'x'.repeat(250)}:a.test`],
    ['of another server', '#practice:b.test'],
  ])('an alias %s is refused', async (_what, alias) => {
    const { alice } = await setUp()
    const roomId = await createRoom(alice)
    expect(await add(alice, roomId, alias)).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    expect((await list(alice, roomId)).body).toEqual({ aliases: [] })
  })

  test('only members name a room, and others do not learn that it exists', async () => {
    const { alice, bob } = await setUp()
    const roomId = await createRoom(alice)
    const known = await add(bob, roomId, '#mine:a.test')
    const unknown = await add(bob, '!nowhere:a.test', '#mine:a.test')
    expect(known).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(unknown.body).toEqual(known.body)
    expect((await look(bob, '#mine:a.test')).status).toBe(404)
  })

  test('a room has a hundred aliases at most', async () => {
    const { alice } = await setUp()
    const roomId = await createRoom(alice)
    for (let count = 0; count < 100; count += 1) expect((await add(alice, roomId, `#a${count}:a.test`)).status).toBe(200)
    expect(await add(alice, roomId, '#more:a.test')).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect((await list(alice, roomId)).body.aliases).toHaveLength(100)
  })

  test('aliases that nobody made, or that other servers keep, are not found', async () => {
    const { alice } = await setUp()
    for (const alias of ['#nothing:a.test', '#practice:b.test'])
      expect(await look(alice, alias)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })
})

describe('listing', () => {
  test('members see all aliases of a room, others none', async () => {
    const { alice, bob } = await setUp()
    const roomId = await createRoom(alice)
    expect(await list(alice, roomId)).toMatchObject({ status: 200, body: { aliases: [] } })
    await add(alice, roomId, '#two:a.test')
    await add(alice, roomId, '#one:a.test')
    expect((await list(alice, roomId)).body).toEqual({ aliases: ['#one:a.test', '#two:a.test'] })
    expect(await list(bob, roomId)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect((await list(bob, '!nowhere:a.test')).status).toBe(403)
  })

  test('what everybody may read, everybody may list', async () => {
    const { alice, bob } = await setUp()
    const roomId = await createRoom(alice)
    await add(alice, roomId, '#one:a.test')
    await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' })
    expect((await list(bob, roomId)).body).toEqual({ aliases: ['#one:a.test'] })
  })
})

describe('deleting', () => {
  test('who made an alias deletes it without any power', async () => {
    const { alice, bob } = await setUp()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    await join(bob, roomId)
    await add(bob, roomId, '#bobs:a.test')
    expect(await remove(bob, '#bobs:a.test')).toMatchObject({ status: 200, body: {} })
    expect((await look(bob, '#bobs:a.test')).status).toBe(404)
  })

  test('members without power do not delete the aliases of others', async () => {
    const { alice, bob } = await setUp()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    await join(bob, roomId)
    await add(alice, roomId, '#hers:a.test')
    expect(await remove(bob, '#hers:a.test')).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect((await look(bob, '#hers:a.test')).status).toBe(200)
  })

  test('who may set the canonical alias deletes those of others, as long as they are in the room', async () => {
    const { alice, bob } = await setUp()
    const roomId = await createRoom(alice, {
      preset: 'public_chat',
      power_level_content_override: { users: { [bob.userId]: 50 } },
    })
    await add(alice, roomId, '#hers:a.test')
    expect((await remove(bob, '#hers:a.test')).status).toBe(403)
    await join(bob, roomId)
    expect((await remove(bob, '#hers:a.test')).status).toBe(200)
  })

  test('an administrator of the server deletes any alias, and does not speak in the room', async () => {
    const { server, alice } = await setUp()
    const admin = await registerAdmin(server, 'admin')
    const roomId = await createRoom(alice, { room_alias_name: 'hers' })
    expect((await remove(admin, '#hers:a.test')).status).toBe(200)
    expect((await look(alice, '#hers:a.test')).status).toBe(404)
    expect(await stateOf(alice, roomId, 'm.room.canonical_alias')).toEqual({ alias: '#hers:a.test' })
  })

  test('an alias that is not there is not found', async () => {
    const { alice } = await setUp()
    expect(await remove(alice, '#nothing:a.test')).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })

  test('the canonical alias goes with the alias', async () => {
    const { alice } = await setUp()
    const roomId = await createRoom(alice)
    await add(alice, roomId, '#one:a.test')
    await add(alice, roomId, '#two:a.test')
    await setState(alice, roomId, 'm.room.canonical_alias', { alias: '#one:a.test', alt_aliases: ['#two:a.test'] })
    await remove(alice, '#two:a.test')
    expect(await stateOf(alice, roomId, 'm.room.canonical_alias')).toEqual({ alias: '#one:a.test' })
    await remove(alice, '#one:a.test')
    expect(await stateOf(alice, roomId, 'm.room.canonical_alias')).toEqual({})
  })

  test('the alias goes even if its maker may not change the canonical alias', async () => {
    const { alice, bob } = await setUp()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    await join(bob, roomId)
    await add(bob, roomId, '#bobs:a.test')
    await setState(alice, roomId, 'm.room.canonical_alias', { alias: '#bobs:a.test' })
    expect((await remove(bob, '#bobs:a.test')).status).toBe(200)
    expect(await stateOf(alice, roomId, 'm.room.canonical_alias')).toEqual({ alias: '#bobs:a.test' })
  })
})

test('an alias is taken out of a canonical alias, and nothing else', () => {
  expect(withoutAlias({ alias: '#a:x', alt_aliases: ['#b:x', '#a:x'], more: 1 }, '#a:x')).toEqual({
    alt_aliases: ['#b:x'],
    more: 1,
  })
  expect(withoutAlias({ alt_aliases: ['#a:x'] }, '#a:x')).toEqual({})
  expect(withoutAlias({ alias: '#b:x', alt_aliases: 'nonsense' }, '#a:x')).toBeUndefined()
  expect(withoutAlias({}, '#a:x')).toBeUndefined()
})
