import { expect, test } from 'vitest'
import type { TestUser } from '../support/world.ts'
import {
  act,
  bodies,
  cast,
  createRoom,
  filterOf,
  history,
  join,
  leave,
  ok,
  type RoomEvent,
  refused,
  say,
  setState,
  v3,
} from './kit.ts'

/** A room with the messages 0 to 24, by alice and bob in turn. */
async function setUp() {
  const people = await cast()
  const { alice, bob } = people
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  const ids: string[] = []
  for (let n = 0; n < 25; n += 1) ids.push(await say(n % 2 === 0 ? alice : bob, roomId, `${n}`))
  const page = (
    query: string,
    user: TestUser = alice,
  ): Promise<{ chunk: RoomEvent[]; start: string; end?: string; state?: RoomEvent[] }> =>
    ok(user, 'GET', `${v3}/rooms/${roomId}/messages?${query}`)
  return { ...people, roomId, ids, page }
}

const numbers = (from: number, to: number) => {
  const step = from <= to ? 1 : -1
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, index) => `${from + step * index}`)
}

test('pages follow one another in both directions, without gap and without repetition', async () => {
  const { page } = await setUp()
  const first = await page('dir=b&limit=10')
  expect(bodies(first.chunk)).toEqual(numbers(24, 15))
  const second = await page(`dir=b&limit=10&from=${first.end}`)
  expect(second.start).toBe(first.end)
  expect(bodies(second.chunk)).toEqual(numbers(14, 5))
  const back = await page(`dir=f&limit=4&from=${second.end}`)
  expect(bodies(back.chunk)).toEqual(numbers(5, 8))
  expect(bodies((await page(`dir=f&limit=4&from=${back.end}`)).chunk)).toEqual(numbers(9, 12))
  expect((await page('dir=b')).chunk).toHaveLength(10)
  expect((await page('dir=f&limit=3')).chunk.map(({ type }) => type)).toEqual([
    'm.room.create',
    'm.room.member',
    'm.room.power_levels',
  ])
})

test('both ends of a room have no further page', async () => {
  const { page } = await setUp()
  const whole = await page('dir=b&limit=1000')
  expect(whole).not.toHaveProperty('end')
  expect(whole.chunk.at(-1)?.type).toBe('m.room.create')
  const newest = await page(`dir=f&limit=10&from=${whole.start}`)
  expect(newest.chunk).toEqual([])
  expect(newest).not.toHaveProperty('end')
})

test('`to` ends the pages', async () => {
  const { page } = await setUp()
  const first = await page('dir=b&limit=5')
  const second = await page(`dir=b&limit=5&from=${first.end}`)
  const between = await page(`dir=b&limit=100&from=${first.end}&to=${second.end}`)
  expect(bodies(between.chunk)).toEqual(bodies(second.chunk))
  const forward = await page(`dir=f&limit=100&from=${second.end}&to=${first.end}`)
  expect(bodies(forward.chunk)).toEqual(bodies(second.chunk).reverse())
})

test.each([
  ['types', { types: ['m.room.m*'] }, (event: RoomEvent) => event.type.startsWith('m.room.m')],
  ['not_types', { not_types: ['m.room.message'] }, (event: RoomEvent) => event.type !== 'm.room.message'],
  ['senders', { senders: ['@bob:a.test'] }, (event: RoomEvent) => event.sender === '@bob:a.test'],
  ['not_senders', { not_senders: ['@bob:a.test'] }, (event: RoomEvent) => event.sender !== '@bob:a.test'],
  ['contains_url', { contains_url: true }, (event: RoomEvent) => 'url' in event.content],
  ['without url', { contains_url: false }, (event: RoomEvent) => !('url' in event.content)],
  ['no types at all', { types: [] }, () => false],
])('filter: %s', async (_name, filter, wanted) => {
  const { alice, bob, roomId } = await setUp()
  await say(bob, roomId, 'picture', { msgtype: 'm.image', url: 'mxc://a.test/abc' })
  const expected = (await history(alice, roomId)).filter(wanted).map((event) => event.event_id)
  const found = (await history(alice, roomId, filterOf(filter))).map((event) => event.event_id)
  expect(found).toEqual(expected)
  const forward = await ok(alice, 'GET', `${v3}/rooms/${roomId}/messages?dir=f&limit=1000${filterOf(filter)}`)
  expect(forward.chunk.map((event: RoomEvent) => event.event_id)).toEqual(expected)
})

test('filter: limit counts what passes, and the query wins over the filter', async () => {
  const { page } = await setUp()
  const filter = filterOf({ senders: ['@bob:a.test'], types: ['m.room.message'], limit: 3 })
  expect(bodies((await page(`dir=b${filter}`)).chunk)).toEqual(['23', '21', '19'])
  const two = await page(`dir=b&limit=2${filter}`)
  expect(bodies(two.chunk)).toEqual(['23', '21'])
  expect(bodies((await page(`dir=b&limit=2&from=${two.end}${filter}`)).chunk)).toEqual(['19', '17'])
})

test('filter: members of those who wrote the page, lazily', async () => {
  const { bob, carol, page, roomId } = await setUp()
  await join(carol, roomId)
  await say(bob, roomId, 'last')
  const lazy = filterOf({ lazy_load_members: true })
  const one = await page(`dir=b&limit=1${lazy}`)
  expect(one.state?.map((event) => event.state_key)).toEqual([bob.userId])
  const more = await page(`dir=b&limit=4${lazy}`)
  expect(new Set(more.state?.map((event) => event.state_key))).toEqual(new Set(['@alice:a.test', bob.userId, carol.userId]))
  expect((await page('dir=b&limit=4')).state).toBeUndefined()
})

test.each([
  'dir=x',
  '',
  'dir=b&from=nonsense',
  'dir=b&to=t1',
  'dir=b&limit=-1',
  'dir=b&limit=x',
  'dir=b&filter={',
  'dir=b&filter={"types":5}',
])('messages?%s is refused', async (query) => {
  const { alice } = await cast()
  const roomId = await createRoom(alice)
  const [status, errcode] = await refused(alice, 'GET', `${v3}/rooms/${roomId}/messages?${query}`)
  expect(status).toBe(400)
  expect(['M_INVALID_PARAM', 'M_MISSING_PARAM', 'M_BAD_JSON']).toContain(errcode)
})

test('context: an event with what surrounds it, and the state there', async () => {
  const { alice, ids, page, roomId } = await setUp()
  await setState(alice, roomId, 'm.room.name', { name: 'Later' })
  const of = (id: string | undefined, more = '') =>
    ok(alice, 'GET', `${v3}/rooms/${roomId}/context/${encodeURIComponent(id ?? '')}${more}`)
  const context = await of(ids[12], '?limit=6')
  expect(context.event.event_id).toBe(ids[12])
  expect(bodies(context.events_before)).toEqual(['11', '10', '9'])
  expect(bodies(context.events_after)).toEqual(['13', '14', '15'])
  expect(context.state.map(({ type }: RoomEvent) => type)).toContain('m.room.create')
  expect(context.state.map(({ type }: RoomEvent) => type)).not.toContain('m.room.name')
  expect(bodies((await page(`dir=b&limit=2&from=${context.start}`)).chunk)).toEqual(['8', '7'])
  expect(bodies((await page(`dir=f&limit=2&from=${context.end}`)).chunk)).toEqual(['16', '17'])
  const alone = await of(ids[12], '?limit=0')
  expect([alone.events_before, alone.events_after]).toEqual([[], []])
  expect(bodies((await page(`dir=b&limit=1&from=${alone.start}`)).chunk)).toEqual(['11'])
  expect(bodies((await page(`dir=f&limit=1&from=${alone.end}`)).chunk)).toEqual(['13'])
  const filtered = await of(ids[12], `?limit=4${filterOf({ senders: ['@bob:a.test'] })}`)
  expect([bodies(filtered.events_before), bodies(filtered.events_after)]).toEqual([
    ['11', '9'],
    ['13', '15'],
  ])
  const lazy = await of(ids[12], `?limit=0${filterOf({ lazy_load_members: true })}`)
  expect(
    lazy.state.filter(({ type }: RoomEvent) => type === 'm.room.member').map(({ state_key: key }: RoomEvent) => key),
  ).toEqual([alice.userId])
  expect(await refused(alice, 'GET', `${v3}/rooms/${roomId}/context/$nothing`)).toEqual([404, 'M_NOT_FOUND'])
})

test('an event is found in its own room only', async () => {
  const { alice, ids, roomId } = await setUp()
  const other = await createRoom(alice)
  const id = encodeURIComponent(ids[0] ?? '')
  expect(await ok(alice, 'GET', `${v3}/rooms/${roomId}/event/${id}`)).toMatchObject({
    event_id: ids[0],
    room_id: roomId,
    sender: alice.userId,
    content: { body: '0' },
  })
  expect(await refused(alice, 'GET', `${v3}/rooms/${other}/event/${id}`)).toEqual([404, 'M_NOT_FOUND'])
  expect(await refused(alice, 'GET', `${v3}/rooms/${other}/context/${id}`)).toEqual([404, 'M_NOT_FOUND'])
})

test('members: now, at a token, and by membership', async () => {
  const { alice, bob, carol, page, roomId } = await setUp()
  const { start: token } = await page('dir=b&limit=1')
  await leave(bob, roomId)
  await act(alice, 'invite', roomId, carol)
  const members = async (query: string) =>
    Object.fromEntries(
      (await ok(alice, 'GET', `${v3}/rooms/${roomId}/members${query}`)).chunk.map((event: RoomEvent) => [
        event.state_key,
        event.content.membership,
      ]),
    )
  const [a, b, c] = [alice.userId, bob.userId, carol.userId]
  expect(await members('')).toEqual({ [a]: 'join', [b]: 'leave', [c]: 'invite' })
  expect(await members(`?at=${token}`)).toEqual({ [a]: 'join', [b]: 'join' })
  expect(await members('?membership=join')).toEqual({ [a]: 'join' })
  expect(await members('?not_membership=leave')).toEqual({ [a]: 'join', [c]: 'invite' })
  expect(await members(`?at=${token}&not_membership=join`)).toEqual({})
  expect(await refused(alice, 'GET', `${v3}/rooms/${roomId}/members?at=nonsense`)).toEqual([400, 'M_INVALID_PARAM'])
  expect(await refused(alice, 'GET', `${v3}/rooms/${roomId}/members?membership=other`)).toEqual([400, 'M_INVALID_PARAM'])
})
