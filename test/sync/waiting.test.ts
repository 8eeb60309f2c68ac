import { expect, test } from 'vitest'
import { cast, createRoom, join, ok, say, v3 } from '../rooms/kit.ts'
import { turn, watch } from '../storage/kit.ts'
import { complete, sync, syncPath } from './kit.ts'

async function setUp() {
  const people = await cast({ HAUSBOTE_PRESENCE: 'off' })
  const { alice, bob, carol } = people
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  const since = (await sync(bob)).next_batch
  /** Bob waits for news. */
  const wait = async (timeout = 30_000) => {
    const answer = sync(bob, { since, timeout })
    const state = watch(answer)
    await turn()
    expect(state.state).toBe('pending')
    return { answer, state }
  }
  return { ...people, carol, roomId, since, wait }
}

test('an event of a joined room ends the waiting, one of another room does not', async () => {
  const { alice, roomId, wait } = await setUp()
  const other = await createRoom(alice)
  const { answer, state } = await wait()
  await say(alice, other, 'elsewhere')
  await turn()
  expect(state.state).toBe('pending')
  const id = await say(alice, roomId, 'here')
  expect((await answer).rooms.join[roomId]?.timeline.events.map((event) => event.event_id)).toEqual([id])
})

test('an invitation, a message to the device and account data end it', async () => {
  const { alice, bob, wait } = await setUp()
  const invited = await wait()
  const roomId = await createRoom(alice, { invite: [bob.userId] })
  expect(Object.keys((await invited.answer).rooms.invite)).toEqual([roomId])
  const since = (await sync(bob)).next_batch
  const message = sync(bob, { since, timeout: 30_000 })
  await ok(alice, 'PUT', `${v3}/sendToDevice/org.test/1`, { messages: { [bob.userId]: { '*': { n: 1 } } } })
  const received = await message
  expect(received.to_device.events).toMatchObject([{ type: 'org.test', sender: alice.userId, content: { n: 1 } }])
  const data = sync(bob, { since: received.next_batch, timeout: 30_000 })
  await ok(bob, 'PUT', `${v3}/user/${bob.userId}/account_data/org.test`, { n: 2 })
  expect(await data).toMatchObject({ account_data: { events: [{ type: 'org.test', content: { n: 2 } }] } })
})

test('a message to the device goes once the device has it', async () => {
  const { server, alice, bob, since } = await setUp()
  await ok(alice, 'PUT', `${v3}/sendToDevice/org.test/1`, { messages: { [bob.userId]: { [bob.deviceId]: { n: 1 } } } })
  const first = await sync(bob, { since })
  const again = await sync(bob, { since })
  expect([first, again].map(({ to_device: { events } }) => events.length)).toEqual([1, 1])
  await server.restart()
  expect((await sync(bob, { since })).to_device.events).toHaveLength(1)
  const second = await sync(bob, { since: first.next_batch })
  expect(second.to_device.events).toEqual([])
  expect((await sync(bob)).to_device.events).toEqual([])
  expect((await sync(await server.login('bob'))).to_device.events).toEqual([])
})

test('the time limit ends it, with the same token where nothing happened', async () => {
  const { world, since, wait } = await setUp()
  const { answer, state } = await wait(5000)
  await world.clock.advance(4999)
  expect(state.state).toBe('pending')
  await world.clock.advance(1)
  expect((await answer).next_batch).toBe(since)
  expect((await answer).rooms.join).toEqual({})
})

test('a server that stops answers those who wait', async () => {
  const { server, since, wait } = await setUp()
  const { answer } = await wait()
  server.app.storage.waiters.close()
  expect((await answer).next_batch).toBe(since)
})

test('a client that goes is forgotten', async () => {
  const { server, bob, since } = await setUp()
  const gone = new AbortController()
  const answer = bob.request('GET', syncPath({ since, timeout: 30_000 }), undefined, { signal: gone.signal })
  await turn()
  expect(server.app.storage.waiters.count).toBe(1)
  gone.abort()
  await turn()
  expect(server.app.storage.waiters.count).toBe(0)
  expect(complete((await answer).body).rooms.join).toEqual({})
})

test('a first sync does not wait, nor one without a time limit', async () => {
  const { carol, bob, since } = await setUp()
  expect((await sync(carol, { timeout: 30_000 })).rooms.join).toEqual({})
  expect((await sync(bob, { since })).next_batch).toBe(since)
})
