import { expect, test } from 'vitest'
import { sendEdus, signerOfServer } from '../federation/edus.ts'
import { askAs } from '../federation/kit.ts'
import { pair } from '../rooms/federation-kit.ts'
import { ok, refused, v3 } from '../rooms/kit.ts'
import type { TestUser } from '../support/world.ts'

let transaction = 0

async function send(from: TestUser, messages: object, type = 'm.test'): Promise<void> {
  transaction += 1
  await ok(from, 'PUT', `${v3}/sendToDevice/${type}/t${transaction}`, { messages })
}

/** All that waits for a device, acknowledged as it comes. */
async function inbox(user: TestUser): Promise<{ sender: string; type: string; content: Record<string, unknown> }[]> {
  const events = []
  for (let since = ''; ; ) {
    const body = await ok(user, 'GET', `${v3}/sync${since && `?since=${since}`}`)
    if (!body.to_device) return events
    events.push(...body.to_device.events)
    since = body.next_batch
  }
}

const marks = async (user: TestUser) => (await inbox(user)).map(({ content }) => content.mark)

test('messages reach devices of another server, one or all, each once and in order', async () => {
  const { world, b, alice, bob } = await pair()
  const tablet = await b.login('bob', { deviceId: 'TABLET' })
  for (let mark = 0; mark < 120; mark += 1) await send(alice, { [bob.userId]: { [bob.deviceId]: { mark } } })
  await send(alice, { [bob.userId]: { '*': { mark: 'all' } }, '@nobody:b.test': { '*': {} } })
  await send(alice, { [bob.userId]: { NONE: { mark: 'none' } } })
  await world.settled()
  expect(await marks(bob)).toEqual([...Array.from({ length: 120 }, (_, mark) => mark), 'all'])
  expect(await inbox(tablet)).toEqual([{ sender: alice.userId, type: 'm.test', content: { mark: 'all' } }])
})

test('what is sent twice, or while the other server is away or starts again, arrives once', async () => {
  const { world, a, b, alice, bob } = await pair()
  world.network.disturb((_from, _to, target) => (target.includes('/send/') ? 'twice' : 'arrives'))
  await send(alice, { [bob.userId]: { '*': { mark: 1 } } })
  await world.settled()
  world.network.disturb((_from, _to, target) => (target.includes('/send/') ? 'unanswered' : 'arrives'))
  await send(alice, { [bob.userId]: { '*': { mark: 2 } } })
  await world.settled()
  world.network.cut('b.test')
  await send(alice, { [bob.userId]: { '*': { mark: 3 } } })
  await world.settled()
  await a.restart()
  await b.restart()
  world.network.disturb(() => 'arrives')
  world.network.host('b.test', async (request) => (await b.app.federation?.fetch(request)) ?? Response.error())
  await world.clock.advance(120_000)
  await world.settled()
  expect(await marks(bob)).toEqual([1, 2, 3])
})

test('large messages are split, so that no EDU is larger than an event may be', async () => {
  const { world, b, alice, bob } = await pair()
  const devices = await Promise.all(Array.from({ length: 12 }, (_, index) => b.login('bob', { deviceId: `D${index}` })))
  const content = { mark: 'large', filling: 'x'.repeat(15_000) }
  const whole = { mark: 'whole', filling: 'x'.repeat(60_000) }
  const sizes: number[] = []
  world.network.host('b.test', async (request) => {
    if (request.url.includes('/send/')) {
      const { edus } = (await request.clone().json()) as { edus: { content: unknown }[] }
      sizes.push(...edus.map((edu) => JSON.stringify(edu.content).length))
    }
    return (await b.app.federation?.fetch(request)) ?? Response.error()
  })
  await send(alice, {
    [bob.userId]: { ...Object.fromEntries(devices.map(({ deviceId }) => [deviceId, content])), [bob.deviceId]: whole },
  })
  await world.settled()
  expect(sizes.length).toBe(7)
  expect(Math.max(...sizes)).toBeLessThan(65_536)
  for (const device of devices) expect(await marks(device)).toEqual(['large'])
  expect(await marks(bob)).toEqual(['whole'])
})

test('what cannot be signed is refused before it blocks the way', async () => {
  const { world, alice, bob } = await pair()
  const path = `${v3}/sendToDevice/m.test/x`
  for (const content of [{ a: 0.5 }, { a: 2 ** 60 }])
    expect(await refused(alice, 'PUT', path, { messages: { [bob.userId]: { '*': content } } })).toEqual([400, 'M_BAD_JSON'])
  const half = `{"messages":{"${bob.userId}":{"*":{"a":"\\ud800"}}}}`
  expect(await refused(alice, 'PUT', path, half)).toEqual([400, 'M_BAD_JSON'])
  await send(alice, { [bob.userId]: { '*': { mark: 'after' } } })
  await world.settled()
  expect(await marks(bob)).toEqual(['after'])
})

test('a hostile server: forged senders, repetitions, wrong shapes and sizes', async () => {
  const { world, a, b, alice, bob } = await pair()
  const signer = signerOfServer(b)
  const edu = (more: object) => ({
    edu_type: 'm.direct_to_device',
    content: {
      sender: bob.userId,
      type: 'm.test',
      message_id: 'm1',
      messages: { [alice.userId]: { '*': { mark: 'good' } } },
      ...more,
    },
  })
  await sendEdus(signer, a, [
    edu({ sender: alice.userId, message_id: 'f1' }),
    edu({ sender: '@x:c.test', message_id: 'f2' }),
    edu({ sender: '@bob:b.test:80', message_id: 'f3' }),
    edu({ sender: 5, message_id: 'f4' }),
    edu({ message_id: 'f5', type: 5 }),
    edu({ message_id: 'f6', type: 'x'.repeat(300) }),
    edu({ message_id: '' }),
    edu({ message_id: 'i'.repeat(300) }),
    edu({ message_id: 'f7', messages: [] }),
    edu({ message_id: 'f8', messages: { [alice.userId]: { '*': 'text' }, [bob.userId]: { '*': {} } } }),
    edu({ message_id: 'f9', messages: { [alice.userId]: { '*': { mark: 'x'.repeat(70_000) } } } }),
    edu({
      message_id: 'f10',
      messages: { [alice.userId]: Object.fromEntries(Array.from({ length: 5001 }, (_, n) => [`D${n}`, {}])) },
    }),
    edu({}),
    edu({ messages: { [alice.userId]: { '*': { mark: 'again' } } } }),
  ])
  await world.settled()
  expect(await inbox(alice)).toEqual([{ sender: bob.userId, type: 'm.test', content: { mark: 'good' } }])
  // Another server may use the same id.
  expect(a.app.storage.reader.raw.prepare('SELECT origin, message_id FROM received_to_device').all()).toContainEqual({
    origin: 'b.test',
    message_id: 'm1',
  })
})

test('numbers arrive as they were written', async () => {
  const { a, b, alice, bob } = await pair()
  const signer = signerOfServer(b)
  const content = {
    sender: bob.userId,
    type: 'm.test',
    message_id: 'n',
    messages: { [alice.userId]: { '*': { mark: 2 ** 53 - 1 } } },
  }
  const { status } = await askAs(signer, a, 'PUT', '/_matrix/federation/v1/send/numbers', {
    origin: 'b.test',
    origin_server_ts: 0,
    pdus: [],
    edus: [{ edu_type: 'm.direct_to_device', content }],
  })
  expect([status, await marks(alice)]).toEqual([200, [2 ** 53 - 1]])
})

test('a server cannot fill the queue of a device without end, nor bring the queue of others to a halt', async () => {
  const { world, a, b, alice, bob } = await pair()
  const raw = a.app.storage
  await raw.write((tx) => {
    tx.raw
      .prepare(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO device_backlog (user_id, device_id, position, sender, type, content) SELECT ?, ?, -i, '@x:b.test', 't', '{}' FROM n`,
      )
      .run(alice.userId, alice.deviceId)
  })
  const phone = await a.login('alice', { deviceId: 'PHONE' })
  const edu = {
    edu_type: 'm.direct_to_device',
    content: { sender: bob.userId, type: 'm.test', message_id: 'm1', messages: { [alice.userId]: { '*': { mark: 'more' } } } },
  }
  await sendEdus(signerOfServer(b), a, [edu])
  await world.settled()
  expect(raw.reader.raw.prepare('SELECT count(*) FROM device_backlog').pluck().get()).toBe(20_000)
  expect(await marks(phone)).toEqual(['more'])
})
