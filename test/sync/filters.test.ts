import { expect, test } from 'vitest'
import { bodies, cast, createRoom, join, leave, ok, type RoomEvent, refused, say, setState, v3 } from '../rooms/kit.ts'
import { keys, sync, syncPath } from './kit.ts'

async function setUp() {
  const people = await cast()
  const { alice, bob } = people
  const [roomId, other] = [await createRoom(alice), await createRoom(alice)]
  await join(bob, roomId)
  const { next_batch: since } = await sync(alice)
  await setState(alice, roomId, 'm.room.name', { name: 'N' })
  await say(alice, roomId, 'A')
  await say(bob, roomId, 'B', { url: 'mxc://a.test/abc' })
  await say(alice, other, 'C')
  return { ...people, roomId, other, since }
}

test.each([
  ['types', { types: ['m.room.message'] }, ['A', 'B']],
  ['types with *', { types: ['m.room.n*'] }, ['m.room.name']],
  ['not_types', { not_types: ['m.room.message'] }, ['m.room.name']],
  ['not_types win', { types: ['m.room.*'], not_types: ['*.name'] }, ['A', 'B']],
  ['senders', { senders: ['@bob:a.test'] }, ['B']],
  ['not_senders', { not_senders: ['@bob:a.test'] }, ['m.room.name', 'A']],
  ['contains_url', { contains_url: true }, ['B']],
  ['without url', { contains_url: false }, ['m.room.name', 'A']],
])('timeline: %s', async (_name, timeline, expected) => {
  const { alice, roomId, since } = await setUp()
  const room = (await sync(alice, { since, filter: { room: { timeline } } })).rooms.join[roomId]
  expect(bodies(room?.timeline.events ?? [])).toEqual(expected)
  expect(room?.timeline.limited).toBe(false)
})

test('rooms: for the whole answer, and for a part of it', async () => {
  const { alice, roomId, other, since } = await setUp()
  const roomsOf = async (room: object) => Object.keys((await sync(alice, { since, filter: { room } })).rooms.join)
  expect((await roomsOf({})).sort()).toEqual([roomId, other].sort())
  expect(await roomsOf({ rooms: [other] })).toEqual([other])
  expect(await roomsOf({ not_rooms: [other] })).toEqual([roomId])
  expect(await roomsOf({ rooms: [] })).toEqual([])
  expect(await roomsOf({ timeline: { not_rooms: [other] }, state: { not_rooms: [other] } })).toEqual([roomId])
})

test('state: types', async () => {
  const { alice, roomId } = await setUp()
  const filter = { room: { timeline: { limit: 1 }, state: { types: ['m.room.member', 'm.room.name'] } } }
  const room = (await sync(alice, { filter })).rooms.join[roomId]
  expect(keys(room?.state.events ?? [])).toEqual([`m.room.member @alice:a.test`, `m.room.member @bob:a.test`, 'm.room.name'])
  const none = (await sync(alice, { filter: { room: { state: { types: [] } } } })).rooms.join[roomId]
  expect(none?.state.events).toEqual([])
})

test('ephemeral events and account data: types', async () => {
  const { alice, bob, roomId, since } = await setUp()
  await ok(bob, 'PUT', `${v3}/rooms/${roomId}/typing/${bob.userId}`, { typing: true })
  const id = await say(alice, roomId, 'D')
  await ok(bob, 'POST', `${v3}/rooms/${roomId}/receipt/m.read/${encodeURIComponent(id)}`, {})
  await ok(alice, 'PUT', `${v3}/user/${alice.userId}/rooms/${roomId}/account_data/org.a`, { n: 1 })
  await ok(alice, 'PUT', `${v3}/user/${alice.userId}/rooms/${roomId}/account_data/org.b`, { n: 1 })
  const filter = { room: { ephemeral: { types: ['m.receipt'] }, account_data: { not_types: ['org.a'] } } }
  const room = (await sync(alice, { since, filter })).rooms.join[roomId]
  expect(room?.ephemeral.events.map(({ type }) => type)).toEqual(['m.receipt'])
  expect(room?.account_data.events.map(({ type }) => type)).toEqual(['org.b'])
})

test('what a filter keeps away is no reason to answer', async () => {
  const { world, alice, bob, roomId, since } = await setUp()
  const filter = { room: { timeline: { types: ['m.room.message'], not_senders: [bob.userId] } }, presence: { types: [] } }
  const { next_batch } = await sync(alice, { since, filter })
  let answered = false
  const waiting = sync(alice, { since: next_batch, timeout: 10_000, filter }).then((answer) => {
    answered = true
    return answer
  })
  await say(bob, roomId, 'unheard')
  await world.clock.advance(9000)
  expect(answered).toBe(false)
  const id = await say(alice, roomId, 'heard')
  expect((await waiting).rooms.join[roomId]?.timeline.events.map((event) => event.event_id)).toEqual([id])
})

test('stored filters: stored once, found again by their owner, used by their id', async () => {
  const { server, alice, bob, roomId, since } = await setUp()
  const path = `${v3}/user/${alice.userId}/filter`
  const filter = { room: { timeline: { senders: [bob.userId], limit: 5 } }, event_format: 'client' }
  const { filter_id: id } = await ok(alice, 'POST', path, filter)
  expect(await ok(alice, 'POST', path, filter)).toEqual({ filter_id: id })
  expect((await ok(alice, 'POST', path, {})).filter_id).not.toBe(id)
  await server.restart()
  expect(await ok(alice, 'GET', `${path}/${id}`)).toEqual(filter)
  const room = (await sync(alice, { since, more: `&filter=${id}` })).rooms.join[roomId]
  expect(bodies(room?.timeline.events ?? [])).toEqual(['B'])
  expect(await refused(bob, 'GET', `${path}/${id}`)).toEqual([403, 'M_FORBIDDEN'])
  expect(await refused(bob, 'POST', path, {})).toEqual([403, 'M_FORBIDDEN'])
  expect(await refused(bob, 'GET', `${v3}/user/${bob.userId}/filter/${id}`)).toEqual([404, 'M_NOT_FOUND'])
  expect(await refused(bob, 'GET', `${syncPath({})}&filter=${id}`)).toEqual([400, 'M_INVALID_PARAM'])
})

test.each(['{', '99', 'x', '{"room":5}', '{"room":{"timeline":{"limit":-1}}}', '{"room":{"timeline":{"senders":["bob"]}}}'])(
  'filter=%s is refused',
  async (filter) => {
    const { alice } = await cast()
    const path = `${syncPath({})}&filter=${encodeURIComponent(filter)}`
    expect(await refused(alice, 'GET', path)).toEqual([400, 'M_INVALID_PARAM'])
  },
)

test('include_leave: rooms that were left come with the first sync', async () => {
  const { alice, bob, roomId } = await setUp()
  await leave(bob, roomId)
  await say(alice, roomId, 'unheard')
  expect((await sync(bob)).rooms.leave).toEqual({})
  const { rooms } = await sync(bob, { filter: { room: { include_leave: true, timeline: { limit: 2 } } } })
  expect(bodies(rooms.leave[roomId]?.timeline.events ?? [])).toEqual(['B', 'm.room.member'])
  expect(keys(rooms.leave[roomId]?.state.events ?? [])).toContain('m.room.create')
  await ok(bob, 'POST', `${v3}/rooms/${roomId}/forget`)
  expect((await sync(bob, { filter: { room: { include_leave: true } } })).rooms.leave).toEqual({})
})

const members = (events: readonly RoomEvent[] = []) =>
  events.flatMap(({ type, state_key: key }) => (type === 'm.room.member' ? [key] : [])).sort()

test('lazy members: of those who wrote, each once, again when they change or the answer was lost', async () => {
  const { alice, bob, carol, server } = await setUp()
  const dave = await server.register('dave')
  const roomId = await createRoom(alice)
  for (const user of [bob, carol, dave]) await join(user, roomId)
  await say(bob, roomId, 'A')
  const lazy = (more: object = {}) => ({ room: { state: { lazy_load_members: true, ...more }, timeline: { limit: 1 } } })
  const first = await sync(alice, { filter: lazy() })
  expect(members(first.rooms.join[roomId]?.state.events)).toEqual([alice.userId, bob.userId])

  await say(bob, roomId, 'B')
  const second = await sync(alice, { since: first.next_batch, filter: lazy() })
  expect(members(second.rooms.join[roomId]?.state.events)).toEqual([])
  const redundant = await sync(alice, { since: first.next_batch, filter: lazy({ include_redundant_members: true }) })
  expect(members(redundant.rooms.join[roomId]?.state.events)).toEqual([bob.userId])

  await say(carol, roomId, 'C')
  const lost = await sync(alice, { since: second.next_batch, filter: lazy() })
  expect(members(lost.rooms.join[roomId]?.state.events)).toEqual([carol.userId])
  const third = await sync(alice, { since: second.next_batch, filter: lazy() })
  expect(members(third.rooms.join[roomId]?.state.events)).toEqual([carol.userId])

  await ok(carol, 'PUT', `${v3}/profile/${carol.userId}/displayname`, { displayname: 'Carol' })
  await say(carol, roomId, 'D')
  const fourth = await sync(alice, { since: third.next_batch, filter: lazy() })
  const [carolNow] = fourth.rooms.join[roomId]?.state.events ?? []
  expect(carolNow).toMatchObject({ state_key: carol.userId, content: { displayname: 'Carol' } })

  const other = await server.login('alice')
  expect(members((await sync(other, { filter: lazy() })).rooms.join[roomId]?.state.events)).toEqual([alice.userId, carol.userId])
  expect(members((await sync(other, { filter: { room: { timeline: { limit: 1 } } } })).rooms.join[roomId]?.state.events)).toEqual(
    [alice, bob, carol, dave].map(({ userId }) => userId),
  )
})

test('event_fields: only what is named, and what is below it', async () => {
  const { alice, roomId, since } = await setUp()
  await say(alice, roomId, 'D', { 'with.dot': { deep: 1 }, more: { left: 1, right: { a: 1 } } })
  const always = ['type', 'event_id', 'sender', 'origin_server_ts']
  const read = async (...fields: string[]) => {
    // State events without their content would not be what the description promises.
    const filter = {
      event_fields: [...always, ...fields],
      room: { rooms: [roomId], timeline: { limit: 1 }, state: { types: [] } },
    }
    const [event] = (await sync(alice, { since, filter })).rooms.join[roomId]?.timeline.events ?? []
    const { type, event_id, sender, origin_server_ts, ...rest } = event as RoomEvent & Record<string, unknown>
    expect({ type, sender }).toEqual({ type: 'm.room.message', sender: alice.userId })
    expect([typeof event_id, typeof origin_server_ts]).toEqual(['string', 'number'])
    return rest
  }
  expect(await read('content.body', 'nothing', 'content.body.deeper')).toEqual({ content: { body: 'D' } })
  expect(await read('content.with\\.dot', 'content.more.right')).toEqual({
    content: { 'with.dot': { deep: 1 }, more: { right: { a: 1 } } },
  })
  expect(await read('content.more', 'content.more.left')).toEqual({ content: { more: { left: 1, right: { a: 1 } } } })
  expect((await read('content', 'unsigned')).content).toMatchObject({ body: 'D', 'with.dot': { deep: 1 } })
})

test.each(['1', '12'])('event_format federation: the event as servers exchange it, room version %s', async (version) => {
  const { alice } = await cast()
  const roomId = await createRoom(alice, { room_version: version })
  const id = await say(alice, roomId, 'A')
  const read = async (format: string) => {
    const filter = { event_format: format, room: { timeline: { limit: 1 } } }
    return (await sync(alice, { filter })).rooms.join[roomId]?.timeline.events[0] as RoomEvent & Record<string, unknown>
  }
  const { unsigned, event_id, content, ...pdu } = await read('federation')
  expect([event_id, content.body, typeof unsigned]).toEqual([id, 'A', 'object'])
  const names = ['auth_events', 'depth', 'hashes', 'origin_server_ts', 'prev_events', 'room_id', 'sender', 'signatures', 'type']
  expect(Object.keys(pdu).sort()).toEqual(names)
  expect(await read('client')).not.toHaveProperty('signatures')
})
