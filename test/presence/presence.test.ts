import { expect, onTestFinished, test } from 'vitest'
import { silentLog } from '../../src/platform/log.ts'
import { audienceOf } from '../../src/presence/audience.ts'
import { presenceEndpoints } from '../../src/presence/endpoints.ts'
import { createPresence } from '../../src/presence/presence.ts'
import { presenceStream } from '../../src/presence/stream.ts'
import { alice, bob, carol, collected, createKit } from '../account-data/kit.ts'

const minutes = 60_000
const roomId = '!room:a.test'
const statusOf = (userId: string) => `/_matrix/client/v3/presence/${userId}/status`

async function setUp() {
  const kit = createKit()
  const nid = await kit.room(roomId, alice, bob)
  const { storage, clock } = kit
  const presence = createPresence({ storage, clock, timers: clock, log: silentLog, audienceOf })
  onTestFinished(() => presence.close())
  const request = kit.serve(presenceEndpoints({ storage, presence }))
  const stream = presenceStream(presence)
  const seenBy = (userId: string, from = 0) => collected(kit, stream, { userId, from }).top.presence?.events
  const sync = async (userId: string, wanted: 'online' | 'unavailable' | 'offline' = 'online', timeout = 0) => {
    presence.syncing(userId, 'DEVICE', wanted, timeout)
    await kit.storage.idle()
  }
  return { kit, nid, presence, request, stream, seenBy, sync }
}

test('presence is set and read by those who share a room', async () => {
  const { kit, request } = await setUp()
  expect((await request(bob, 'GET', statusOf(alice))).body).toEqual({ presence: 'offline' })
  expect(await request(alice, 'PUT', statusOf(alice), { presence: 'online', status_msg: 'Testing' })).toEqual({
    status: 200,
    body: {},
  })
  await kit.advance(1234)
  const expected = { presence: 'online', status_msg: 'Testing', last_active_ago: 1234, currently_active: true }
  for (const userId of [alice, bob]) expect((await request(userId, 'GET', statusOf(alice))).body).toEqual(expected)
  expect((await request(carol, 'GET', statusOf(alice))).body.errcode).toBe('M_FORBIDDEN')
})

test('nobody sets the presence of others, nor one that does not exist', async () => {
  const { request } = await setUp()
  expect((await request(bob, 'PUT', statusOf(alice), { presence: 'online' })).body.errcode).toBe('M_FORBIDDEN')
  expect((await request(bob, 'PUT', statusOf(bob), { presence: 'busy-ish' })).body.errcode).toBe('M_BAD_JSON')
  expect((await request(bob, 'PUT', statusOf(bob), {})).body.errcode).toBe('M_BAD_JSON')
})

test('changes reach those who share a room, and wake them', async () => {
  const { kit, nid, request, seenBy } = await setUp()
  const from = kit.storage.reader.position
  const woken = kit.storage.waiters.wait([`room/${nid}`], 1000, undefined)
  await request(alice, 'PUT', statusOf(alice), { presence: 'unavailable', status_msg: 'Lunch' })
  expect(await woken).toBe('woken')
  expect(seenBy(bob, from)).toEqual([
    { type: 'm.presence', sender: alice, content: { presence: 'unavailable', status_msg: 'Lunch', last_active_ago: 0 } },
  ])
  expect(seenBy(bob, kit.storage.reader.position)).toBeUndefined()
  expect(seenBy(carol, from)).toBeUndefined()
})

test('a first sync tells who is there', async () => {
  const { seenBy, sync } = await setUp()
  expect(seenBy(bob)).toBeUndefined()
  await sync(alice)
  expect(seenBy(bob)).toMatchObject([{ sender: alice, content: { presence: 'online' } }])
})

test('a client is not answered because of its own user', async () => {
  const { kit, stream, sync } = await setUp()
  const from = kit.storage.reader.position
  await sync(alice)
  expect(collected(kit, stream, { userId: alice, from }).news).toBe(false)
  expect(collected(kit, stream, { userId: bob, from }).news).toBe(true)
})

test('syncing makes online, and staying away offline', async () => {
  const { kit, presence, sync } = await setUp()
  await sync(alice, 'online', 30_000)
  await kit.advance(59_999)
  expect(presence.view(alice).presence).toBe('online')
  const from = kit.storage.reader.position
  await kit.advance(1)
  expect(presence.view(alice).presence).toBe('offline')
  expect(presence.changedSince(from)).toEqual([alice])
})

test('set_presence of sync decides: unavailable is told, offline leaves no trace', async () => {
  const { kit, presence, request, seenBy, sync } = await setUp()
  await sync(bob, 'offline')
  expect(presence.view(bob)).toEqual({ presence: 'offline', lastActiveAgo: undefined, statusMessage: undefined })
  await request(alice, 'PUT', statusOf(alice), { presence: 'online' })
  await kit.advance(2000)
  const from = kit.storage.reader.position
  await sync(alice, 'unavailable')
  expect(seenBy(bob, from)).toMatchObject([{ sender: alice, content: { presence: 'unavailable' } }])
})

test('whoever does nothing is idle after five minutes, however often their client asks', async () => {
  const { kit, presence, sync } = await setUp()
  await sync(alice, 'online', 30_000)
  for (let times = 0; times < 10; times += 1) {
    await kit.advance(30_000)
    await sync(alice, 'online', 30_000)
  }
  expect(presence.view(alice).presence).toBe('unavailable')
  presence.active(alice)
  expect(presence.view(alice)).toMatchObject({ presence: 'online', lastActiveAgo: 0 })
})

test('of several devices the most present counts', async () => {
  const { kit, presence } = await setUp()
  presence.syncing(alice, 'PHONE', 'unavailable', 10 * minutes)
  presence.syncing(alice, 'DESK', 'online', 0)
  expect(presence.view(alice).presence).toBe('online')
  await kit.advance(30_000)
  expect(presence.view(alice).presence).toBe('unavailable')
})

test('syncing again and again with nothing new costs no position', async () => {
  const { kit, sync } = await setUp()
  await sync(alice, 'online', 30_000)
  const before = kit.storage.reader.position
  for (let times = 0; times < 20; times += 1) await sync(alice, 'online', 30_000)
  expect(kit.storage.reader.position).toBe(before)
})

test('many changes at once are told together', async () => {
  const { kit, seenBy, sync } = await setUp()
  const users = Array.from({ length: 50 }, (_, index) => `@user${index}:a.test`)
  await kit.room('!large:a.test', bob, ...users)
  const before = kit.storage.reader.position
  for (const userId of users) await sync(userId)
  await kit.advance(1000)
  expect(seenBy(bob, before)).toHaveLength(50)
  expect(kit.storage.reader.position - before).toBe(2)
})

test('whoever joins a room learns who is there', async () => {
  const { kit, stream, sync } = await setUp()
  await sync(alice)
  const from = kit.storage.reader.position
  const nid = await kit.room('!new:a.test', alice, carol)
  const asked = { userId: carol, from, joined: { [nid]: '!new:a.test' }, newlyJoined: [nid] }
  expect(collected(kit, stream, asked).top.presence.events).toMatchObject([{ sender: alice }])
})

test('in large rooms nobody is woken for presence', async () => {
  const { kit, request, seenBy } = await setUp()
  const users = Array.from({ length: 200 }, (_, index) => `@user${index}:a.test`)
  await kit.room('!large:a.test', carol, ...users)
  expect(audienceOf(kit.storage.reader, carol)).toEqual([])
  await request(carol, 'PUT', statusOf(carol), { presence: 'online' })
  expect(seenBy('@user7:a.test')).toMatchObject([{ sender: carol }])
})
