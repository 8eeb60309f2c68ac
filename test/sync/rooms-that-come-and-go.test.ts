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
  return { alice, bob, roomId, room }
}

test('a device learns of a room that was left and forgotten at once, a new one does not', async () => {
  const { bob, room, roomId } = await setUp()
  await bob.request('POST', `${room}/join`, {})
  const since: string = (await bob.request('GET', `${v3}/sync`)).body.next_batch
  await bob.request('POST', `${room}/leave`, {})
  await bob.request('POST', `${room}/forget`)
  const { body } = await bob.request('GET', `${v3}/sync?since=${since}`)
  expect(body.rooms.leave?.[roomId]?.timeline.events.at(-1)).toMatchObject({ content: { membership: 'leave' } })
  const filter = encodeURIComponent('{"room":{"include_leave":true}}')
  expect((await bob.request('GET', `${v3}/sync?filter=${filter}`)).body.rooms.leave?.[roomId]).toBeUndefined()
})

test('the timeline of a room that is new to a running client is limited, unless it begins with the room', async () => {
  const { alice, bob, room, roomId } = await setUp()
  const since: string = (await bob.request('GET', `${v3}/sync`)).body.next_batch
  await alice.request('PUT', `${room}/send/m.room.message/1`, { msgtype: 'm.text', body: 'one' })
  await bob.request('POST', `${room}/join`, {})
  const timelineWith = async (filter: string) =>
    (await bob.request('GET', `${v3}/sync?since=${since}&filter=${encodeURIComponent(filter)}`)).body.rooms.join[roomId].timeline
  expect(await timelineWith('{"room":{"timeline":{"types":["m.room.message"]}}}')).toMatchObject({
    events: [{ content: { body: 'one' } }],
    limited: true,
  })
  expect(await timelineWith('{}')).toMatchObject({ limited: false })
})

test('filters name rooms and users by their ids', async () => {
  const { alice } = await setUp()
  const path = `${v3}/user/${encodeURIComponent(alice.userId)}/filter`
  for (const wrong of [{ rooms: ['not_a_room_id'] }, { senders: ['not_a_sender_id'] }, { not_senders: ['@nobody'] }]) {
    const refused = await alice.request('POST', path, { room: { timeline: wrong } })
    expect(refused).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
  }
  const right = { rooms: ['!old:a.test', '!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM'], senders: [alice.userId] }
  expect((await alice.request('POST', path, { room: { timeline: right } })).status).toBe(200)
})
