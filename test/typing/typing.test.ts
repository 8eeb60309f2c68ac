import { expect, onTestFinished, test } from 'vitest'
import { silentLog } from '../../src/platform/log.ts'
import { typingEndpoints } from '../../src/typing/endpoints.ts'
import { typingStream } from '../../src/typing/stream.ts'
import { createTyping } from '../../src/typing/typing.ts'
import { alice, bob, carol, collected, createKit } from '../account-data/kit.ts'

const roomId = '!room:a.test'

async function setUp() {
  const kit = createKit()
  const nid = await kit.room(roomId, alice, bob)
  const typing = createTyping({ storage: kit.storage, timers: kit.clock, log: silentLog })
  onTestFinished(() => typing.close())
  const active: string[] = []
  const request = kit.serve(typingEndpoints({ storage: kit.storage, typing, active: (userId) => active.push(userId) }))
  const type = (userId: string, body: object, of = userId) =>
    request(userId, 'PUT', `/_matrix/client/v3/rooms/${roomId}/typing/${of}`, body)
  const stream = typingStream(typing)
  const seen = (from: number) => collected(kit, stream, { userId: bob, from, joined: { [nid]: roomId } }).rooms[nid]?.ephemeral
  return { kit, nid, stream, type, seen, active }
}

const event = (...users: string[]) => [{ type: 'm.typing', content: { user_ids: users } }]

test('typing is told, and its end', async () => {
  const { kit, type, seen, active } = await setUp()
  const from = kit.storage.reader.position
  expect(await type(alice, { typing: true, timeout: 10_000 })).toEqual({ status: 200, body: {} })
  expect(seen(from)).toEqual(event(alice))
  const between = kit.storage.reader.position
  expect(seen(between)).toBeUndefined()
  await type(alice, { typing: false })
  expect(seen(between)).toEqual(event())
  expect(active).toEqual([alice, alice])
})

test('typing ends by itself, and going on typing puts that off without news', async () => {
  const { kit, nid, type, seen } = await setUp()
  await type(alice, { typing: true, timeout: 10_000 })
  const from = kit.storage.reader.position
  await kit.advance(9000)
  await type(alice, { typing: true, timeout: 10_000 })
  await kit.advance(9000)
  expect(seen(from)).toBeUndefined()
  const woken = kit.storage.waiters.wait([`room/${nid}`], 60_000, undefined)
  await kit.advance(1000)
  expect(await woken).toBe('woken')
  expect(seen(from)).toEqual(event())
})

test.each([
  [0, 1000],
  [10_000_000, 120_000],
])('a timeout of %d lasts %d ms', async (timeout, lasts) => {
  const { kit, type, seen } = await setUp()
  await type(alice, { typing: true, timeout })
  const from = kit.storage.reader.position
  await kit.advance(lasts - 1)
  expect(seen(from)).toBeUndefined()
  await kit.advance(1)
  expect(seen(from)).toEqual(event())
})

test('only members type, each for themselves', async () => {
  const { type } = await setUp()
  expect((await type(carol, { typing: true })).body.errcode).toBe('M_FORBIDDEN')
  expect((await type(bob, { typing: true }, alice)).body.errcode).toBe('M_FORBIDDEN')
  expect((await type(alice, {})).body.errcode).toBe('M_BAD_JSON')
})

test('whoever leaves is not shown as typing any more', async () => {
  const { kit, nid, type, seen } = await setUp()
  const from = kit.storage.reader.position
  await type(alice, { typing: true })
  await kit.leave(nid, alice)
  expect(seen(from)).toEqual(event())
})

test('whoever comes new to a room is told who types there, and is not told that nobody does', async () => {
  const { kit, nid, stream, type } = await setUp()
  await type(alice, { typing: true })
  const asked = { userId: bob, from: kit.storage.reader.position, joined: { [nid]: roomId }, newlyJoined: [nid] }
  expect(collected(kit, stream, asked).rooms[nid]?.ephemeral).toEqual(event(alice))
  await type(alice, { typing: false })
  expect(collected(kit, stream, { ...asked, from: kit.storage.reader.position }).rooms).toEqual({})
})

test('others learn nothing of it, nor those who filter it out', async () => {
  const { kit, nid, stream, type } = await setUp()
  await type(alice, { typing: true })
  expect(collected(kit, stream, { userId: carol }).rooms).toEqual({})
  const filter = { room: { ephemeral: { types: ['m.receipt'] } } }
  expect(collected(kit, stream, { userId: bob, joined: { [nid]: roomId }, filter }).rooms).toEqual({})
})
