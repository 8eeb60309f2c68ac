import { expect, test } from 'vitest'
import { acknowledgeSync } from '../../src/to-device/acknowledge.ts'
import { toDeviceEndpoints } from '../../src/to-device/endpoints.ts'
import type { RemoteMessage } from '../../src/to-device/remote-send.ts'
import { forgetDeviceMessages } from '../../src/to-device/store.ts'
import { toDeviceStream } from '../../src/to-device/stream.ts'
import { createKit, type Kit, type Synced, type TestDevice } from '../keys/kit.ts'

const send = '/_matrix/client/v3/sendToDevice/test.type'

function createToDeviceKit(sent?: [server: string, message: RemoteMessage][]): Kit {
  return createKit({
    endpoints: (storage, clock) =>
      toDeviceEndpoints({
        storage,
        clock,
        serverName: 'a.test',
        ...(sent && { sendRemote: (_tx, server, message) => void sent.push([server, message]) }),
      }),
    streams: [toDeviceStream()],
  })
}

const marks = ({ fields }: Synced): unknown[] =>
  (fields.to_device?.events ?? []).map((event: { content: { mark: unknown } }) => event.content.mark)

/** A sync with what precedes it: the device acknowledges what came with `since`. */
async function sync(kit: Kit, device: TestDevice, since?: number): Promise<Synced> {
  if (since !== undefined) await acknowledgeSync(kit.storage, device.userId, device.deviceId, since)
  return device.sync(since)
}

const stored = (kit: Kit) =>
  ['device_inbox', 'device_backlog'].map((table) => kit.storage.reader.raw.prepare(`SELECT count(*) FROM ${table}`).pluck().get())

async function sendMarks(from: TestDevice, to: TestDevice, first: number, count: number): Promise<void> {
  for (let mark = first; mark < first + count; mark += 1) {
    const messages = { [to.userId]: { [to.deviceId]: { mark } } }
    expect((await from.request('PUT', `${send}/${mark}`, { messages })).status).toBe(200)
  }
}

test('a message arrives once, at the device that it was sent to', async () => {
  const kit = createToDeviceKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob', 'B1')]
  const second = await kit.device(bob.userId, 'B2')
  const before = bob.sync().next
  const content = { mark: 'ü "quoted"', nested: { a: [1] } }
  const answer = await alice.request('PUT', `${send}/1`, { messages: { [bob.userId]: { B1: content } } })
  expect(answer).toEqual({ status: 200, body: {} })
  const synced = await sync(kit, bob, before)
  expect(synced).toMatchObject({
    news: true,
    fields: { to_device: { events: [{ sender: alice.userId, type: 'test.type', content }] } },
  })
  // The answer may have been lost: the same again, from an old token and from none.
  expect(marks(await sync(kit, bob, before))).toEqual([content.mark])
  expect(marks(await sync(kit, bob))).toEqual([content.mark])
  expect((await sync(kit, bob, synced.next)).fields).toEqual({})
  expect(marks(await sync(kit, bob))).toEqual([])
  expect(second.sync(before).fields).toEqual({})
  expect(stored(kit)).toEqual([0, 0])
})

test('a repeated request is not carried out again, over restarts too', async () => {
  const kit = createToDeviceKit()
  const [alice, bob] = [await kit.user('alice', 'A1'), await kit.user('bob')]
  const other = await kit.device(alice.userId, 'A2')
  const put = (device: TestDevice, path: string) =>
    device.request('PUT', path, { messages: { [bob.userId]: { [bob.deviceId]: { mark: `${device.deviceId} ${path.at(-1)}` } } } })
  for (const path of [`${send}/1`, `${send}/1`, `${send}/2`]) expect((await put(alice, path)).status).toBe(200)
  await kit.restart()
  expect((await put(alice, `${send}/1`)).body).toEqual({})
  await put(other, `${send}/1`)
  await Promise.all([put(other, `${send}/3`), put(other, `${send}/3`)])
  expect(marks(bob.sync())).toEqual(['A1 1', 'A1 2', 'A2 1', 'A2 3'])
})

test('transactions are forgotten after a day', async () => {
  const kit = createToDeviceKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  const remembered = () => kit.storage.reader.raw.prepare('SELECT count(*) FROM to_device_transactions').pluck().get()
  await sendMarks(alice, bob, 0, 5)
  await kit.clock.advance(23 * 60 * 60 * 1000)
  await sendMarks(alice, bob, 5, 1)
  expect(remembered()).toBe(6)
  await kit.clock.advance(2 * 60 * 60 * 1000)
  await sendMarks(alice, bob, 6, 1)
  expect(remembered()).toBe(2)
})

test('* is every device; devices and users that do not exist get nothing', async () => {
  const kit = createToDeviceKit()
  const [alice, bob] = [await kit.user('alice', 'A1'), await kit.user('bob', 'B1')]
  const [secondA, secondB] = [await kit.device(alice.userId, 'A2'), await kit.device(bob.userId, 'B2')]
  const messages = {
    [alice.userId]: { '*': { mark: 'all' } },
    [bob.userId]: { B2: { mark: 'one' }, B3: { mark: 'none' } },
    '@nobody:a.test': { '*': {}, X: {} },
    '@far:b.test': { '*': {} },
    nonsense: { X: {} },
  }
  expect((await alice.request('PUT', `${send}/1`, { messages })).status).toBe(200)
  expect([alice, secondA, bob, secondB].map((device) => marks(device.sync()))).toEqual([['all'], ['all'], [], ['one']])
  expect(stored(kit)).toEqual([3, 0])
})

test('users of other servers get one message for each server, within the same write', async () => {
  const sent: [string, RemoteMessage][] = []
  const kit = createToDeviceKit(sent)
  const alice = await kit.user('alice')
  const messages = { '@x:b.test': { D: { a: 1 } }, '@y:b.test': { '*': { a: 2 } }, '@z:c.test': { E: { a: 3 } } }
  for (let round = 0; round < 2; round += 1) await alice.request('PUT', `${send}/1`, { messages })
  const common = { sender: alice.userId, type: 'test.type' }
  expect(sent).toEqual([
    ['b.test', { ...common, messages: { '@x:b.test': { D: { a: 1 } }, '@y:b.test': { '*': { a: 2 } } } }],
    ['c.test', { ...common, messages: { '@z:c.test': { E: { a: 3 } } } }],
  ])
})

test('a long queue comes in answers of 100, in order, without loss and without doubling', async () => {
  const kit = createToDeviceKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  await sendMarks(alice, bob, 0, 250)
  expect(stored(kit)).toEqual([100, 150])
  const received: unknown[] = []
  let synced = await sync(kit, bob)
  for (let round = 0; round < 4; round += 1) {
    expect(marks(synced).length).toBeLessThanOrEqual(100)
    received.push(...marks(synced))
    // Sent while others wait: it stays behind them.
    await sendMarks(alice, bob, 250 + round, 1)
    if (round === 1) await kit.restart()
    synced = await sync(kit, bob, synced.next)
  }
  received.push(...marks(synced))
  expect(received).toEqual(Array.from({ length: 254 }, (_, mark) => mark))
})

test('an answer that was lost in the middle of a long queue comes again', async () => {
  const kit = createToDeviceKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  await sendMarks(alice, bob, 0, 150)
  const first = await sync(kit, bob)
  const lost = await sync(kit, bob, first.next)
  const again = await sync(kit, bob, first.next)
  expect(marks(lost)).toEqual(Array.from({ length: 50 }, (_, index) => 100 + index))
  expect(marks(again)).toEqual(marks(lost))
})

test('a message wakes its receiver', async () => {
  const kit = createToDeviceKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  const woken = kit.storage.waiters.wait([`user/${bob.userId}`], 1000, undefined)
  await sendMarks(alice, bob, 0, 1)
  expect(await woken).toBe('woken')
})

test('nothing is written for a sync that acknowledges nothing', async () => {
  const kit = createToDeviceKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  const since = bob.sync().next
  await sendMarks(alice, bob, 0, 1)
  const written = () => kit.storage.reader.raw.pragma('data_version', { simple: true })
  const before = written()
  await acknowledgeSync(kit.storage, bob.userId, bob.deviceId, since)
  await kit.storage.idle()
  expect(written()).toBe(before)
  await acknowledgeSync(kit.storage, bob.userId, bob.deviceId, bob.sync().next)
  expect(written()).not.toBe(before)
})

test('a device that was deleted leaves nothing behind', async () => {
  const kit = createToDeviceKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  await sendMarks(alice, bob, 0, 120)
  await kit.storage.write((tx) => {
    forgetDeviceMessages(tx, bob.userId, bob.deviceId)
    forgetDeviceMessages(tx, alice.userId, alice.deviceId)
  })
  expect(stored(kit)).toEqual([0, 0])
  expect(kit.storage.reader.raw.prepare('SELECT count(*) FROM to_device_transactions').pluck().get()).toBe(0)
})

test.each([
  ['no messages', {}, 400, 'M_BAD_JSON'],
  ['a content that is no object', { messages: { '@bob:a.test': { BOB1: 'x' } } }, 400, 'M_BAD_JSON'],
  ['the same under a name with a line break', { messages: { '@bob:a.test': { 'B\n': 'x' } } }, 400, 'M_BAD_JSON'],
  ['a huge content', { messages: { '@bob:a.test': { BOB1: { a: 'x'.repeat(65_536) } } } }, 413, 'M_TOO_LARGE'],
  [
    'too many recipients',
    { messages: { '@bob:a.test': Object.fromEntries(Array.from({ length: 5001 }, (_, index) => [`D${index}`, {}])) } },
    400,
    'M_INVALID_PARAM',
  ],
])('%s is refused, and the transaction can be tried again', async (_name, body, status, errcode) => {
  const kit = createToDeviceKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  const answer = await alice.request('PUT', `${send}/0`, body)
  expect([answer.status, answer.body.errcode]).toEqual([status, errcode])
  await sendMarks(alice, bob, 0, 1)
  expect(marks(bob.sync())).toEqual([0])
})

test.each(['/x'.padEnd(300, 'x'), '/../'.padEnd(300, 'ä')])('names that are too long are refused', async (suffix) => {
  const kit = createToDeviceKit()
  const alice = await kit.user('alice')
  const { body } = await alice.request('PUT', `${send}/${encodeURIComponent(suffix)}`, { messages: {} })
  expect(body.errcode).toBe('M_INVALID_PARAM')
})
