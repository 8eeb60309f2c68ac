import { expect, test } from 'vitest'
import { cheap } from '../accounts/cheap-world.ts'
import { createWorld } from '../support/world.ts'

const v3 = '/_matrix/client/v3'

async function setUp() {
  const world = await createWorld()
  const server = await world.server('a.test', {}, cheap)
  const alice = await server.register('alice')
  const bob = await server.register('bob')
  const roomId: string = (await alice.request('POST', `${v3}/createRoom`, { preset: 'public_chat' })).body.room_id
  const room = `${v3}/rooms/${encodeURIComponent(roomId)}`
  return { server, alice, bob, roomId, room }
}

test('the members before the beginning of a timeline are the first ones', async () => {
  const { alice, bob, roomId, room } = await setUp()
  const { body } = await alice.request('GET', `${v3}/sync`)
  const { prev_batch: start, limited } = body.rooms.join[roomId].timeline
  expect(limited).toBe(false)
  await bob.request('POST', `${room}/join`, {})
  const membersAt = async (token: string) =>
    (await alice.request('GET', `${room}/members?at=${token}`)).body.chunk.map((event: { state_key: string }) => event.state_key)
  expect(await membersAt(start)).toEqual([alice.userId])
  expect(await membersAt(body.next_batch)).toEqual([alice.userId])
  const later = (await alice.request('GET', `${v3}/sync?since=${body.next_batch}`)).body.next_batch
  expect((await membersAt(later)).toSorted()).toEqual([alice.userId, bob.userId])
})

test('joined members are for those who are joined', async () => {
  const { alice, bob, room } = await setUp()
  await bob.request('POST', `${room}/join`, {})
  expect(Object.keys((await bob.request('GET', `${room}/joined_members`)).body.joined).toSorted()).toEqual([
    alice.userId,
    bob.userId,
  ])
  await bob.request('POST', `${room}/leave`, {})
  expect(await bob.request('GET', `${room}/joined_members`)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
})

test('who may not read a room is told so before what is wrong with the question', async () => {
  const { alice, bob, room } = await setUp()
  expect(await bob.request('GET', `${room}/messages`)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
  expect(await alice.request('GET', `${room}/messages`)).toMatchObject({ status: 400, body: { errcode: 'M_MISSING_PARAM' } })
})

test('a page whose rest only the filter keeps away has an end, the page after it has none', async () => {
  const { alice, room } = await setUp()
  await alice.request('PUT', `${room}/send/m.room.message/1`, { msgtype: 'm.file', body: 'a', url: 'mxc://a.test/abc' })
  await alice.request('PUT', `${room}/send/m.room.message/2`, { msgtype: 'm.text', body: 'b' })
  const filter = encodeURIComponent('{"contains_url":true}')
  const first = (await alice.request('GET', `${room}/messages?dir=b&filter=${filter}`)).body
  expect(first.chunk).toMatchObject([{ content: { body: 'a' } }])
  expect(first.end).toMatch(/./)
  const second = (await alice.request('GET', `${room}/messages?dir=b&filter=${filter}&from=${first.end}`)).body
  expect(second.chunk).toEqual([])
  expect(second.end).toBeUndefined()
  expect((await alice.request('GET', `${room}/messages?dir=b&limit=100`)).body.end).toBeUndefined()
})
