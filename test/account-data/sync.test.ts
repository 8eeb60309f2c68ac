import { expect, test } from 'vitest'
import { createWorld, type TestUser } from '../support/world.ts'

const v3 = '/_matrix/client/v3'

/** Alice and Bob in one room, Carol elsewhere. */
async function setUp() {
  const world = await createWorld()
  const server = await world.server('a.test')
  const alice = await server.register('alice')
  const bob = await server.register('bob')
  const carol = await server.register('carol')
  const created = await alice.request('POST', `${v3}/createRoom`, { preset: 'public_chat' })
  const roomId: string = created.body.room_id
  await bob.request('POST', `${v3}/rooms/${roomId}/join`, {})
  const sync = async (user: TestUser, since?: string, more = '') =>
    (await user.request('GET', `${v3}/sync?timeout=0${since ? `&since=${since}` : ''}${more}`)).body
  /** The next answer that is not due to the time limit. */
  const wait = async (user: TestUser, since: string) =>
    (await user.request('GET', `${v3}/sync?timeout=30000&since=${since}`)).body
  const send = async (user: TestUser, id: string): Promise<string> => {
    const answer = await user.request('PUT', `${v3}/rooms/${roomId}/send/m.room.message/${id}`, {
      msgtype: 'm.text',
      body: 'Hello',
    })
    return answer.body.event_id
  }
  return { world, server, alice, bob, carol, roomId, sync, wait, send }
}

// biome-ignore lint/suspicious/noExplicitAny: an answer of sync
const ephemeral = (answer: any, roomId: string, type: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: an event of any shape
  answer.rooms?.join?.[roomId]?.ephemeral?.events.find((event: any) => event.type === type)

// biome-ignore lint/suspicious/noExplicitAny: an answer of sync
const presenceIn = (answer: any, user: TestUser) =>
  answer.presence?.events.find(({ sender }: { sender: string }) => sender === user.userId)?.content

test('a waiting client is woken by push rules and account data', async () => {
  const { alice, sync, wait } = await setUp()
  const first = await sync(alice)
  const types = first.account_data.events.map((event: { type: string }) => event.type)
  expect(types).toContain('m.push_rules')
  const rules = wait(alice, first.next_batch)
  await alice.request('PUT', `${v3}/pushrules/global/room/!foo:a.test`, { actions: ['notify'] })
  const woken = await rules
  expect(woken.account_data.events).toMatchObject([{ type: 'm.push_rules', content: { global: {} } }])
  const data = wait(alice, woken.next_batch)
  await alice.request('PUT', `${v3}/user/${alice.userId}/account_data/test`, { n: 1 })
  expect((await data).account_data.events).toEqual([{ type: 'test', content: { n: 1 } }])
})

test('receipts reach the room, and the fully read marker and the counts its user', async () => {
  const { alice, bob, roomId, sync, wait, send } = await setUp()
  await sync(bob)
  const event = await send(alice, '1')
  const before = await sync(bob)
  expect(before.rooms.join[roomId].unread_notifications).toEqual({ highlight_count: 0, notification_count: 1 })
  const since = (await sync(alice)).next_batch
  const waiting = wait(alice, since)
  await bob.request('POST', `${v3}/rooms/${roomId}/read_markers`, { 'm.fully_read': event, 'm.read': event })
  const receipt = ephemeral(await waiting, roomId, 'm.receipt')
  expect(Object.keys(receipt.content[event]['m.read'])).toEqual([bob.userId])
  expect(receipt).not.toHaveProperty('room_id')
  const after = await sync(bob, before.next_batch)
  expect(after.rooms.join[roomId].account_data.events).toEqual([{ type: 'm.fully_read', content: { event_id: event } }])
  expect(after.rooms.join[roomId].unread_notifications).toEqual({ highlight_count: 0, notification_count: 0 })
})

test('typing reaches the room and nobody else', async () => {
  const { alice, bob, carol, roomId, sync, wait } = await setUp()
  const since = (await sync(bob)).next_batch
  const elsewhere = (await sync(carol)).next_batch
  const waiting = wait(bob, since)
  await alice.request('PUT', `${v3}/rooms/${roomId}/typing/${alice.userId}`, { typing: true, timeout: 10_000 })
  expect(ephemeral(await waiting, roomId, 'm.typing').content).toEqual({ user_ids: [alice.userId] })
  expect((await sync(carol, elsewhere)).rooms?.join?.[roomId]).toBeUndefined()
})

test('presence set by sync or by hand reaches those who share a room', async () => {
  const { world, alice, bob, carol, sync, wait } = await setUp()
  const since = (await sync(bob)).next_batch
  const elsewhere = (await sync(carol)).next_batch
  await world.clock.advance(2000)
  const waiting = wait(bob, since)
  await sync(alice, undefined, '&set_presence=unavailable')
  const woken = await waiting
  expect(presenceIn(woken, alice)).toMatchObject({ presence: 'unavailable' })
  await world.clock.advance(2000)
  const again = wait(bob, woken.next_batch)
  await alice.request('PUT', `${v3}/presence/${alice.userId}/status`, { presence: 'online', status_msg: 'Here' })
  expect((await again).presence.events).toMatchObject([
    { sender: alice.userId, content: { presence: 'online', status_msg: 'Here' } },
  ])
  expect(presenceIn(await sync(carol, elsewhere), alice)).toBeUndefined()
})

test('presence can be turned off', async () => {
  const world = await createWorld()
  const server = await world.server('a.test', { HAUSBOTE_PRESENCE: 'off' })
  const alice = await server.register('alice')
  const { body } = await alice.request('GET', `${v3}/presence/${alice.userId}/status`)
  expect(body.errcode).toBe('M_UNRECOGNIZED')
  expect((await alice.request('GET', `${v3}/sync?timeout=0`)).body).not.toHaveProperty('presence')
})

test('invites of ignored users stay away', async () => {
  const { alice, bob, carol, sync } = await setUp()
  const ignored = { ignored_users: { [bob.userId]: {} } }
  await alice.request('PUT', `${v3}/user/${alice.userId}/account_data/m.ignored_user_list`, ignored)
  const since = (await sync(alice)).next_batch
  const ofBob = await bob.request('POST', `${v3}/createRoom`, { preset: 'private_chat', invite: [alice.userId] })
  const ofCarol = await carol.request('POST', `${v3}/createRoom`, { preset: 'private_chat', invite: [alice.userId] })
  const { rooms } = await sync(alice, since)
  expect(Object.keys(rooms.invite)).toEqual([ofCarol.body.room_id])
  expect(ofBob.status).toBe(200)
})
