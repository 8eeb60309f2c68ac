import Type from 'typebox'
import { expect, test } from 'vitest'
import { destinationStates } from '../../src/federation/destinations.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import type { Fate } from '../support/test-network.ts'
import { b, fine, name, numbered, pass, refuse, senderKit, until } from './sender-kit.ts'

const hour = 3_600_000
const servers = (count: number) => numbered('s', count).map((one) => name(`${one}.test`))
const hang = () => new Promise<Response>(() => undefined)

test('a server that does not answer holds up nobody', async () => {
  const { taker, events, world } = await senderKit()
  const slow = servers(60).map((server) => taker(server))
  for (const one of slow) one.answer(hang)
  await events(['event'], servers(60))
  await until(() => slow.filter(({ underWay }) => underWay > 0).length === 48)
  const other = taker()
  await events(['event'])
  await world.clock.advance(3000)
  await until(() => other.got.length === 1)
  expect(slow.every(({ underWay }) => underWay === 1)).toBe(true)
})

test('servers that fail anyway leave the places to the others', async () => {
  const { taker, events, world } = await senderKit()
  const failing = servers(100)
  await events(['event'], failing)
  await world.settled()
  let underWay = 0
  world.network.disturb(async (_, to): Promise<Fate> => {
    if (to === b) return 'arrives'
    underWay += 1
    await hang()
    return 'lost'
  })
  for (const server of failing) taker(server)
  const other = taker()
  await world.clock.advance(5000)
  await until(() => underWay === 16)
  await events(['event'])
  await until(() => other.got.length === 1)
  expect(underWay).toBe(16)
})

test('one event goes to a thousand servers, a bounded number of requests at once', async () => {
  const { taker, events, world, waiting } = await senderKit()
  const all = servers(1000)
  let underWay = 0
  let most = 0
  const takers = all.map((server) => taker(server))
  for (const one of takers)
    one.answer(async () => {
      underWay += 1
      most = Math.max(most, underWay)
      await new Promise((resolve) => setImmediate(resolve))
      underWay -= 1
      return fine()
    })
  await events(['event'], all)
  await until(() => takers.every(({ got }) => got.length === 1))
  await world.settled()
  expect(most).toBeLessThanOrEqual(48)
  expect(all.filter((server) => waiting(server).pdus > 0)).toEqual([])
})

test('a thousand servers that are away are asked seldom, and never all at once', async () => {
  const { events, world } = await senderKit()
  const all = servers(1000)
  let underWay = 0
  let most = 0
  let attempts = 0
  world.network.disturb(async (): Promise<Fate> => {
    attempts += 1
    underWay += 1
    most = Math.max(most, underWay)
    await new Promise((resolve) => setImmediate(resolve))
    underWay -= 1
    return 'lost'
  })
  for (const server of all) world.network.host(server, fine)
  await events(['event'], all)
  await world.settled()
  expect(most).toBeLessThanOrEqual(48)
  await pass(world, 2 * hour, 5000)
  // 5, 10, 20 … seconds, up to a quarter less.
  expect(attempts).toBeLessThanOrEqual(14 * 1000)
  expect(attempts).toBeGreaterThanOrEqual(10 * 1000)
  attempts = 0
  most = 0
  await pass(world, 3 * hour, 5000)
  expect(attempts).toBeLessThanOrEqual(4.1 * 1000)
  expect(most).toBeLessThanOrEqual(16)
}, 60_000)

test('pauses grow too where a server can be reached but refuses', async () => {
  const { taker, events, client, world } = await senderKit()
  const other = taker()
  other.answer(() => refuse(503))
  await events(['event'])
  await world.settled()
  await pass(world, 40_000)
  expect(other.got.length).toBe(4)
  // Other requests to it are none of the matter.
  await client.ask(b, { method: 'PUT', target: '/other', content: { pdus: [] } }, Type.Object({}))
  expect(other.got.length).toBe(5)
  await pass(world, 10_000)
  expect(other.got.length).toBe(5)
})

test('who is not reached by one request is spared by the others', async () => {
  const { events, client, world, waiting, taker } = await senderKit()
  const ask = () => client.ask(b, { method: 'PUT', target: '/question', content: { pdus: [] } }, Type.Object({}))
  await events(['event'])
  await world.settled()
  expect(world.network.asked.length).toBe(1)
  expect(await ask()).toMatchObject({ problem: expect.stringContaining('just now') })
  expect(world.network.asked.length).toBe(1)
  await pass(world, 10 * 60_000, 10_000)
  // The sender waits for minutes by now; somebody who needs an answer does not have to.
  const before = world.network.asked.length
  await pass(world, 61_000, 1000)
  expect(world.network.asked.length).toBe(before)
  const other = taker()
  expect(await ask()).not.toMatchObject({ problem: expect.stringContaining('just now') })
  await world.settled()
  expect(other.got.at(-1)).toMatchObject({ pdus: ['event'] })
  expect(waiting().pdus).toBe(0)
})

test('a server that is heard from is sent to at once', async () => {
  const { events, sender, world, taker, waiting } = await senderKit()
  await events(['event'])
  await pass(world, 20 * 60_000, 10_000)
  const other = taker()
  sender.heardFrom(b)
  await pass(world, 30_000)
  expect([other.got.length, waiting().pdus]).toEqual([1, 0])
})

test('one that sends much, and yet cannot be reached, is not tried each time', async () => {
  const { events, sender, world } = await senderKit()
  await events(['event'])
  await pass(world, 20 * 60_000, 10_000)
  const before = world.network.asked.length
  for (let time = 0; time < 600; time += 1) {
    sender.heardFrom(b)
    await pass(world, 1000, 1000)
  }
  expect(world.network.asked.length - before).toBeGreaterThan(10)
  expect(world.network.asked.length - before).toBeLessThanOrEqual(21)
})

test('the owner sees what waits, and has it tried', async () => {
  const { events, sender, world, taker, waiting, storage } = await senderKit()
  const began = world.clock.now()
  const c = name('c.test')
  await events(['event'], [c])
  await world.settled()
  // Not both in a row: that would be this server's own trouble.
  taker()
  await events(['event'])
  await world.settled()
  world.network.cut(b)
  await events(['event'])
  await world.settled()
  await pass(world, 20 * 60_000, 10_000)
  const states = destinationStates(storage.reader)
  expect(states.map(({ server, failingSince }) => [server, failingSince])).toEqual([
    ['b.test', began],
    ['c.test', began],
  ])
  for (const { nextAttempt } of states) expect(nextAttempt).toBeGreaterThan(world.clock.now())
  const [other, third] = [taker(), taker(c)]
  sender.retryNow(b)
  await world.settled()
  expect([other.got.length, third.got.length]).toEqual([1, 0])
  expect(waiting()).toEqual({ pdus: 0, edus: 0 })
  sender.retryAll()
  await world.settled()
  expect(third.got.length).toBe(1)
  expect(destinationStates(storage.reader).map(({ failures, failingSince }) => [failures, failingSince])).toEqual([
    [0, null],
    [0, null],
  ])
})

test('pauses go on over a restart, but for one attempt at once', async () => {
  const kit = await senderKit()
  const { events, world } = kit
  await events(['event'])
  await pass(world, hour, 10_000)
  const before = world.network.asked.length
  kit.restart()
  await pass(world, 10 * 60_000, 10_000)
  expect(world.network.asked.length).toBe(before + 1)
})

test('what is only worth something now is sent once, the newest of each name, or not at all', async () => {
  const { sender, events, world, taker, waiting } = await senderKit()
  const other = taker()
  const say = (text: string, about: string) =>
    sender.sendEphemeral([b], { type: 'm.typing', content: { name: text }, name: about })
  say('typing', 'room 1')
  say('not typing', 'room 1')
  say('typing elsewhere', 'room 2')
  await world.settled()
  expect(other.got.map(({ edus }) => edus)).toEqual([['not typing', 'typing elsewhere']])
  expect(waiting().edus).toBe(0)
  world.network.disturb(() => 'lost')
  say('lost', 'room 1')
  await world.settled()
  say('not even tried', 'room 1')
  world.network.disturb(() => 'arrives')
  await events(['event'])
  await pass(world, 10_000)
  expect(other.got.slice(1).map(({ pdus, edus }) => [pdus, edus])).toEqual([[['event'], []]])
})

test('a flood of what is only worth something now is cut', async () => {
  const { sender, world, taker } = await senderKit()
  const other = taker()
  for (const one of numbered('edu', 1000)) sender.sendEphemeral([b], { type: 'm.typing', content: { name: one }, name: one })
  await world.settled()
  expect(other.got.flatMap(({ edus }) => edus)).toEqual(numbered('edu', 1000).slice(800))
})

test('partners are told that the server is back, once each, when its listeners are open', async () => {
  const partners: ServerName[] = [b, name('a.test'), name('c.test'), name('away.test')]
  const { world, taker, events } = await senderKit({ partners })
  const [other, third] = [taker(), taker(name('c.test'))]
  await pass(world, 1500)
  expect(other.got).toEqual([])
  await events(['event'], [name('c.test')])
  await world.settled()
  await pass(world, hour, 60_000)
  expect(other.got.map(({ pdus, edus }) => [pdus, edus])).toEqual([[[], []]])
  expect(third.got.map(({ pdus }) => pdus)).toEqual([['event'], []])
  expect(world.network.asked.filter((what) => what.startsWith('away.test')).length).toBe(1)
  expect(world.network.asked.filter((what) => what.startsWith('a.test'))).toEqual([])
})

test('when the network is back, all partners are told and all that waits is sent', async () => {
  const c = name('c.test')
  const { world, taker, events } = await senderKit({ partners: [b, c, name('d.test')] })
  const takers = [taker(), taker(c), taker(name('d.test'))]
  await pass(world, 3000)
  world.network.disturb(() => 'lost')
  await events(['event'], [b, c])
  await pass(world, 30 * 60_000, 5000)
  expect(takers.map(({ got }) => got.length)).toEqual([1, 1, 1])
  world.network.disturb(() => 'arrives')
  await until(() => takers[0]?.got.length === 1)
  await events(['later'], [name('d.test')])
  await world.settled()
  expect(takers.map(({ got }) => got.slice(1).map(({ pdus }) => pdus))).toEqual([[['event']], [['event']], [['later'], []]])
})
