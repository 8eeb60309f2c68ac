import { expect, test } from 'vitest'
import { accountDataEndpoints } from '../../src/account-data/endpoints.ts'
import { ignoredUsersOf } from '../../src/account-data/ignored-users.ts'
import { accountDataOf, setAccountData } from '../../src/account-data/store.ts'
import { accountDataStream } from '../../src/account-data/stream.ts'
import { alice, bob, collected, createKit } from './kit.ts'

const user = '/_matrix/client/v3/user'
const roomId = '!room:a.test'

function setUp() {
  const kit = createKit()
  const managed = new Map([['m.push_rules', () => ({ global: 'rules' })]])
  const request = kit.serve(accountDataEndpoints({ storage: kit.storage, managed }))
  return { kit, request, stream: accountDataStream([]) }
}

test('global account data is set, replaced and read, and is nobody else’s', async () => {
  const { request } = setUp()
  const path = `${user}/${alice}/account_data/test.key`
  expect((await request(alice, 'GET', path)).body.errcode).toBe('M_NOT_FOUND')
  expect(await request(alice, 'PUT', path, { value: 'first' })).toEqual({ status: 200, body: {} })
  await request(alice, 'PUT', path, { value: 'second', __proto__x: [1] })
  expect((await request(alice, 'GET', path)).body).toEqual({ value: 'second', __proto__x: [1] })
  for (const method of ['GET', 'PUT']) {
    const answer = await request(bob, method, path, method === 'PUT' ? {} : undefined)
    expect([answer.status, answer.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  }
})

test('room account data is apart from global and from other rooms', async () => {
  const { kit, request } = setUp()
  await kit.room(roomId, alice)
  await kit.room('!other:a.test', alice)
  const path = `${user}/${alice}/rooms/${roomId}/account_data/test.key`
  await request(alice, 'PUT', path, { value: 'room' })
  expect((await request(alice, 'GET', path)).body).toEqual({ value: 'room' })
  expect((await request(alice, 'GET', `${user}/${alice}/account_data/test.key`)).status).toBe(404)
  expect((await request(alice, 'GET', `${user}/${alice}/rooms/!other:a.test/account_data/test.key`)).status).toBe(404)
  expect((await request(alice, 'GET', `${user}/${alice}/rooms/nonsense/account_data/test.key`)).body.errcode).toBe(
    'M_INVALID_PARAM',
  )
})

test('nothing is kept with rooms that one has nothing to do with', async () => {
  const { kit, request } = setUp()
  await kit.room(roomId, bob)
  for (const room of [roomId, '!unknown:a.test']) {
    const path = `${user}/${alice}/rooms/${room}`
    expect((await request(alice, 'PUT', `${path}/account_data/a`, {})).body.errcode).toBe('M_FORBIDDEN')
    expect((await request(alice, 'PUT', `${path}/tags/a`, {})).body.errcode).toBe('M_FORBIDDEN')
    expect((await request(alice, 'GET', `${path}/account_data/a`)).body.errcode).toBe('M_NOT_FOUND')
    expect((await request(alice, 'GET', `${path}/tags`)).body).toEqual({ tags: {} })
  }
})

test.each(['m.fully_read', 'm.push_rules'])('%s is set by the server alone', async (type) => {
  const { kit, request } = setUp()
  await kit.room(roomId, alice)
  for (const path of [`${user}/${alice}/account_data/${type}`, `${user}/${alice}/rooms/${roomId}/account_data/${type}`]) {
    const { status, body } = await request(alice, 'PUT', path, {})
    expect([status, body.errcode]).toEqual([405, 'M_BAD_JSON'])
  }
})

test('what the server manages is read like the rest; what is no object is refused', async () => {
  const { request } = setUp()
  expect((await request(alice, 'GET', `${user}/${alice}/account_data/m.push_rules`)).body).toEqual({ global: 'rules' })
  const { status, body } = await request(alice, 'PUT', `${user}/${alice}/account_data/test`, [1])
  expect([status, body.errcode]).toEqual([400, 'M_BAD_JSON'])
})

test('tags come and go one at a time', async () => {
  const { kit, request } = setUp()
  const nid = await kit.room(roomId, alice)
  const tags = `${user}/${alice}/rooms/${roomId}/tags`
  expect((await request(alice, 'GET', tags)).body).toEqual({ tags: {} })
  await request(alice, 'PUT', `${tags}/m.favourite`, { order: 0.5 })
  await request(alice, 'PUT', `${tags}/u.work`, {})
  expect((await request(alice, 'GET', tags)).body).toEqual({ tags: { 'm.favourite': { order: 0.5 }, 'u.work': {} } })
  const from = kit.storage.reader.position
  await request(alice, 'DELETE', `${tags}/m.favourite`)
  await request(alice, 'DELETE', `${tags}/m.favourite`)
  const { rooms } = collected(kit, accountDataStream([]), { userId: alice, from, joined: { [nid]: roomId } })
  expect(rooms[nid]?.accountData).toEqual([{ type: 'm.tag', content: { tags: { 'u.work': {} } } }])
  expect((await request(alice, 'PUT', `${tags}/${'x'.repeat(256)}`, {})).body.errcode).toBe('M_INVALID_PARAM')
  expect((await request(alice, 'PUT', `${tags}/u.work`, { order: 'first' })).body.errcode).toBe('M_BAD_JSON')
})

test('sync brings everything at first, then what changed, and all of a room that is new', async () => {
  const { kit, stream } = setUp()
  const nid = await kit.room(roomId, alice)
  await kit.storage.write((tx) => {
    setAccountData(tx, alice, undefined, 'global.old', { n: 1 })
    setAccountData(tx, alice, nid, 'room.old', { n: 2 })
    setAccountData(tx, bob, undefined, 'of.bob', {})
  })
  const joined = { [nid]: roomId }
  const first = collected(kit, stream, { userId: alice, joined })
  expect(first.top.account_data.events).toEqual([{ type: 'global.old', content: { n: 1 } }])
  expect(first.rooms[nid]?.accountData).toEqual([{ type: 'room.old', content: { n: 2 } }])
  const from = kit.storage.reader.position
  expect(collected(kit, stream, { userId: alice, from, joined })).toEqual({ top: {}, rooms: {}, news: false })
  await kit.storage.write((tx) => setAccountData(tx, alice, undefined, 'global.new', {}))
  const later = collected(kit, stream, { userId: alice, from, joined, newlyJoined: [nid] })
  expect(later.top.account_data.events).toEqual([{ type: 'global.new', content: {} }])
  expect(later.rooms[nid]?.accountData).toEqual([{ type: 'room.old', content: { n: 2 } }])
  expect(later.news).toBe(true)
})

test('filters leave out types and rooms', async () => {
  const { kit, stream } = setUp()
  const nid = await kit.room(roomId, alice)
  await kit.storage.write((tx) => {
    setAccountData(tx, alice, undefined, 'a', {})
    setAccountData(tx, alice, undefined, 'b', {})
    setAccountData(tx, alice, nid, 'a', {})
  })
  const filter = { account_data: { not_types: ['a'] }, room: { account_data: { not_rooms: [roomId] } } }
  const { top, rooms } = collected(kit, stream, { userId: alice, joined: { [nid]: roomId }, filter })
  expect(top.account_data.events).toEqual([{ type: 'b', content: {} }])
  expect(rooms).toEqual({})
})

test('a change of account data wakes the clients of its user alone', async () => {
  const { kit } = setUp()
  const { waiters } = kit.storage
  const gone = new AbortController()
  const ofAlice = waiters.wait([`user/${alice}`], 1000, undefined)
  const ofBob = waiters.wait([`user/${bob}`], 1000, gone.signal)
  await kit.storage.write((tx) => setAccountData(tx, alice, undefined, 'a', {}))
  expect(await ofAlice).toBe('woken')
  gone.abort()
  expect(await ofBob).toBe('aborted')
})

test('ignored users follow the account data, whatever it holds', async () => {
  const { kit } = setUp()
  const { reader } = kit.storage
  const ignore = (list: unknown) =>
    kit.storage.write((tx) => setAccountData(tx, alice, undefined, 'm.ignored_user_list', { ignored_users: list }))
  expect(ignoredUsersOf(reader, alice).size).toBe(0)
  await ignore({ [bob]: {} })
  expect([...ignoredUsersOf(reader, alice)]).toEqual([bob])
  expect(ignoredUsersOf(reader, alice)).toBe(ignoredUsersOf(reader, alice))
  await ignore({})
  expect(ignoredUsersOf(reader, alice).has(bob)).toBe(false)
  await ignore('nonsense')
  expect(ignoredUsersOf(reader, alice).size).toBe(0)
  expect(accountDataOf(reader, alice, 'm.ignored_user_list')).toEqual({ ignored_users: 'nonsense' })
})
