import { expect, test } from 'vitest'
import { destinationStates } from '../../src/federation/destinations.ts'
import { b, fine, name, numbered, pass, refuse, senderKit, until } from './sender-kit.ts'

test('what waits goes in order, events before the rest, in transactions of the largest size', async () => {
  const { taker, events, edu, world, waiting, storage } = await senderKit()
  const other = taker()
  await Promise.all([events(numbered('event', 120)), ...numbered('edu', 130).map((one) => edu(one))])
  await world.settled()
  expect(other.got.map(({ pdus, edus }) => [pdus.length, edus.length])).toEqual([
    [50, 100],
    [50, 30],
    [20, 0],
  ])
  expect(other.got.flatMap(({ pdus }) => pdus)).toEqual(numbered('event', 120))
  expect(other.got.flatMap(({ edus }) => edus)).toEqual(numbered('edu', 130))
  expect(new Set(other.got.map(({ id }) => id)).size).toBe(3)
  expect(JSON.parse(other.got[0]?.raw ?? '')).toMatchObject({ origin: 'a.test', origin_server_ts: world.clock.now() })
  expect(waiting()).toEqual({ pdus: 0, edus: 0 })
  expect(destinationStates(storage.reader)).toEqual([
    { server: b, failingSince: null, failures: 0, nextAttempt: 0, lastSuccess: world.clock.now() },
  ])
})

test('what a write that is undone wanted to send is not sent', async () => {
  const { taker, sender, storage, world } = await senderKit()
  const other = taker()
  const write = storage.write((tx) => {
    sender.enqueuePdu(tx, [b], tx.nextPosition(), 1)
    throw new Error('changed my mind')
  })
  await expect(write).rejects.toThrow('changed my mind')
  await world.settled()
  expect(other.got).toEqual([])
})

test('one transaction at a time goes to a server', async () => {
  const { taker, events, world } = await senderKit()
  const other = taker()
  let most = 0
  other.answer(async () => {
    most = Math.max(most, other.underWay)
    await new Promise((resolve) => setImmediate(resolve))
    return fine()
  })
  for (const one of numbered('event', 20)) {
    await events([one])
    await new Promise((resolve) => setImmediate(resolve))
  }
  await world.settled()
  expect(most).toBe(1)
  expect(other.got.flatMap(({ pdus }) => pdus)).toEqual(numbered('event', 20))
})

test('an attempt that failed comes again with the same rows under the same id, later and later', async () => {
  const { taker, events, edu, world, storage, waiting } = await senderKit()
  const other = taker()
  const began = world.clock.now()
  const attempts: number[] = []
  other.answer(() => {
    attempts.push(world.clock.now() - began)
    return refuse(500)
  })
  await events(['first', 'second'])
  await edu('message')
  await world.settled()
  await events(['third'])
  await pass(world, 60_000)
  expect(attempts.length).toBe(4)
  const pauses = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0))
  for (const [index, longest] of [5000, 10_000, 20_000].entries()) {
    expect(pauses[index]).toBeLessThanOrEqual(longest + 500)
    expect(pauses[index]).toBeGreaterThanOrEqual(longest * 0.75)
  }
  expect(destinationStates(storage.reader)).toMatchObject([{ server: b, failures: 4, failingSince: began, lastSuccess: null }])
  other.answer(fine)
  await pass(world, 60_000)
  const retries = other.got.slice(1, -1)
  expect(retries.map(({ id, pdus }) => [id, pdus])).toEqual(retries.map(() => [retries[0]?.id, ['first', 'second']]))
  expect(other.got.at(-1)).toMatchObject({ pdus: ['third'] })
  expect(other.got.flatMap(({ edus }) => edus)).toContain('message')
  expect(waiting()).toEqual({ pdus: 0, edus: 0 })
})

test('what arrived without an answer comes again under its id, also after a restart, and new rows apart from it', async () => {
  const kit = await senderKit()
  const { taker, events, edu, world } = kit
  const other = taker()
  world.network.disturb(() => 'unanswered')
  await events(['first'])
  await world.settled()
  await edu('later message')
  await events(['later'])
  kit.restart()
  await world.settled()
  expect(other.got.length).toBe(1)
  world.network.disturb(() => 'arrives')
  await pass(world, 10_000)
  expect(other.got.map(({ pdus, edus }) => [pdus, edus])).toEqual([
    [['first'], []],
    [['first'], []],
    [['later'], ['later message']],
  ])
  expect(other.got[1]?.id).toBe(other.got[0]?.id)
  expect(other.got[2]?.id).not.toBe(other.got[0]?.id)
})

test('a server that ends in the middle of sending begins again there, with the same transaction', async () => {
  const kit = await senderKit()
  const { taker, events, world } = kit
  const other = taker()
  other.answer(() => (other.got.length < 2 ? fine() : new Promise(() => undefined)))
  await events(numbered('event', 70))
  await until(() => other.got.length === 2)
  other.answer(fine)
  kit.restart()
  await world.clock.advance(2000)
  await until(() => other.got.length === 3)
  expect(other.got[2]).toMatchObject({ id: other.got[1]?.id, pdus: numbered('event', 70).slice(50) })
  await until(() => kit.waiting().pdus === 0)
})

test('an error about a single event is logged, and nothing is sent again', async () => {
  const { taker, events, world, lines, waiting } = await senderKit()
  const other = taker()
  other.answer(() => Response.json({ pdus: { $one: { error: 'You may not.' }, $two: {} } }))
  await events(['one', 'two'])
  await world.settled()
  await pass(world, 3_600_000, 600_000)
  expect(other.got.length).toBe(1)
  expect(waiting().pdus).toBe(0)
  expect(lines.filter(({ msg }) => msg === 'a server refused an event')).toMatchObject([
    { level: 30, server: b, eventId: '$one', error: 'You may not.' },
  ])
})

test('an answer that is none counts as none', async () => {
  const { taker, events, world, waiting } = await senderKit()
  const other = taker()
  other.answer(() => new Response('<html>Welcome</html>'))
  await events(['event'])
  await world.settled()
  expect(waiting().pdus).toBe(1)
  other.answer(fine)
  await pass(world, 5000)
  expect(waiting().pdus).toBe(0)
})

test('numbers of events arrive as they are written, under a signature that fits', async () => {
  const { taker, event, world } = await senderKit()
  const other = taker()
  const json = '{"big":12345678901234567890,"exact":1.0,"name":"old event","small":1e-07}'
  await event(json)
  await world.settled()
  expect(other.got.length).toBe(1)
  expect(other.got[0]?.raw).toContain(json)
})

test('a message that cannot be written for others does not keep the rest', async () => {
  const { taker, edu, world, lines } = await senderKit()
  const other = taker()
  await Promise.all([edu('bad', { content: { name: '\ud800' } }), edu('good')])
  await world.settled()
  expect(other.got.flatMap(({ edus }) => edus)).toEqual(['good'])
  expect(lines).toMatchObject([
    { level: 40, server: b, type: 'm.direct_to_device', problem: expect.stringContaining('surrogate') },
  ])
})

test('large rows share a transaction only as far as a proxy lets it through', async () => {
  const { taker, event, world, waiting } = await senderKit()
  const other = taker()
  const large = (one: string) => JSON.stringify({ name: one, text: 'x'.repeat(60_000) })
  await Promise.all(numbered('event', 30).map((one) => event(large(one))))
  await world.settled()
  expect(other.got.length).toBe(3)
  expect(other.got.flatMap(({ pdus }) => pdus)).toEqual(numbered('event', 30))
  for (const { raw } of other.got) expect(raw.length).toBeLessThan(1_000_000)
  expect(waiting().pdus).toBe(0)
})

test('events that are gone are forgotten without a request', async () => {
  const { taker, sender, storage, world, waiting } = await senderKit()
  const other = taker()
  await storage.write((tx) => sender.enqueuePdu(tx, [b], tx.nextPosition(), 1))
  await world.settled()
  expect([other.got, waiting()]).toEqual([[], { pdus: 0, edus: 0 }])
})

test('of EDUs with one name only the newest waits', async () => {
  const { taker, edu, world } = await senderKit()
  await edu('old', { name: 'device' })
  await edu('other', { name: 'other device' })
  await edu('new', { name: 'device' })
  await edu('new for c', { name: 'device' }, [name('c.test')])
  await world.settled()
  const other = taker()
  await pass(world, 10_000)
  expect(other.got.flatMap(({ edus }) => edus)).toEqual(['old', 'other', 'new'].slice(1))
})

test('what makes no sense to the other server does not keep the rest for ever', async () => {
  const { taker, events, edu, world, waiting, lines } = await senderKit()
  const other = taker()
  other.answer(({ pdus }) => (pdus.includes('event2') ? refuse(400) : fine()))
  await events(numbered('event', 5))
  await edu('message')
  await world.settled()
  await pass(world, 60_000)
  const accepted = other.got.filter(({ pdus }) => !pdus.includes('event2'))
  expect(accepted.flatMap(({ pdus }) => pdus)).toEqual(['event0', 'event1', 'event3', 'event4'])
  expect(accepted.flatMap(({ edus }) => edus)).toEqual(['message'])
  expect(other.got.filter(({ pdus }) => pdus.includes('event2')).length).toBe(4)
  expect(waiting()).toEqual({ pdus: 0, edus: 0 })
  expect(lines.filter(({ level }) => level === 40)).toMatchObject([{ server: b, msg: expect.stringContaining('given up') }])
})

test('what must not be sent now is sent when it may be', async () => {
  let wrong = true
  const { taker, events, world, sender, waiting, lines } = await senderKit({
    signer: (signer) => ({
      ...signer,
      signJson(object, profile) {
        if (wrong) throw new Error('the clock is wrong')
        return signer.signJson(object, profile)
      },
    }),
  })
  const other = taker()
  await events(['event'])
  await world.settled()
  expect([other.got, waiting().pdus]).toEqual([[], 1])
  expect(lines).toMatchObject([{ level: 40, msg: 'sending to a server is interrupted' }])
  wrong = false
  sender.retryAll()
  await world.settled()
  expect(other.got.map(({ pdus }) => pdus)).toEqual([['event']])
})
