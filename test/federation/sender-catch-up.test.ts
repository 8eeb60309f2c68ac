import { expect, test } from 'vitest'
import { b, numbered, pass, senderKit } from './sender-kit.ts'

const hour = 3_600_000

test('of many events for a server that is away the newest of each room waits', async () => {
  const { events, world, taker, waiting } = await senderKit()
  await events(['start'])
  await world.settled()
  for (const room of [1, 2, 3]) await events(numbered(`room ${room} event `, 200), [b], room)
  expect(waiting().pdus).toBe(601)
  await pass(world, 5000)
  expect(waiting().pdus).toBe(3)
  await events(['more'], [b], 2)
  const other = taker()
  await pass(world, 60_000)
  expect(other.got.map(({ pdus }) => pdus)).toEqual([['room 1 event 199', 'room 2 event 199', 'room 3 event 199', 'more']])
})

test('a few hundred events wait as they are', async () => {
  const { events, world, taker } = await senderKit()
  await events(numbered('event', 500))
  await pass(world, 12 * hour, hour / 2)
  const other = taker()
  await pass(world, 2 * hour, hour / 4)
  expect(other.got.flatMap(({ pdus }) => pdus)).toEqual(numbered('event', 500))
})

test('events that wait while the server takes others are all sent', async () => {
  const { events, world, taker } = await senderKit()
  const other = taker()
  await events(numbered('event', 1200))
  await world.settled()
  expect(other.got.flatMap(({ pdus }) => pdus)).toEqual(numbered('event', 1200))
})

test('old news is dropped, messages and keys of devices are kept', async () => {
  const { edu, world, taker, waiting } = await senderKit()
  await edu('typing', { type: 'm.typing' })
  await edu('presence', { type: 'm.presence' })
  await edu('receipt', { type: 'm.receipt' })
  await edu('message', { type: 'm.direct_to_device' })
  await edu('device', { type: 'm.device_list_update' })
  await edu('signing key', { type: 'm.signing_key_update' })
  await pass(world, hour, hour / 6)
  expect(waiting().edus).toBe(4)
  await pass(world, 72 * hour, hour)
  await edu('late receipt', { type: 'm.receipt' })
  const other = taker()
  await pass(world, 2 * hour, hour / 4)
  expect(other.got.flatMap(({ edus }) => edus)).toEqual(['message', 'device', 'signing key', 'late receipt'])
})

test('a server for which nothing waits any more is not tried', async () => {
  const { edu, world } = await senderKit()
  await edu('receipt', { type: 'm.receipt' })
  await pass(world, 30 * hour, hour)
  const before = world.network.asked.length
  await pass(world, 30 * hour, hour)
  expect(world.network.asked.length).toBe(before)
})
