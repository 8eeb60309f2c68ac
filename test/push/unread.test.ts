import { expect, test } from 'vitest'
import { ignoredUsersOf } from '../../src/account-data/ignored-users.ts'
import { setAccountData } from '../../src/account-data/store.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { silentLog } from '../../src/platform/log.ts'
import { createUnreadCounter, type PushEvent } from '../../src/push/counter.ts'
import { pushRuleEndpoints } from '../../src/push/endpoints.ts'
import { unreadFields } from '../../src/push/unread-fields.ts'
import { putReceipt, readPositionsOf } from '../../src/receipts/store.ts'
import { alice, bob, carol, createKit, queryOf } from '../account-data/kit.ts'

const roomId = '!room:a.test'

interface Sent {
  readonly sender?: string
  readonly type?: string
  readonly stateKey?: string
  readonly content?: JsonObject
  readonly thread?: string
}

/** A room of Alice, Bob and Carol whose timeline is a list; Bob is the one who reads. */
async function setUp() {
  const kit = createKit()
  const nid = await kit.room(roomId, alice, bob, carol)
  const timeline: PushEvent[] = []
  let looked = 0
  const begin = () =>
    unreadFields(
      createUnreadCounter({
        storage: kit.storage,
        log: silentLog,
        pushView(_reader, _nid, from, to, limit) {
          const events = timeline.filter(({ position }) => position > from && position <= to).slice(0, limit)
          looked += events.length
          return events
        },
        readPositionsOf,
        ignoredUsersOf,
        roomFacts: () => ({ displayName: 'Bob', memberCount: 3, powerLevelOf: () => 0, notificationLevel: () => 50 }),
      }),
    )
  let fields = begin()

  async function send({ sender = alice, type = 'm.room.message', stateKey, content, thread }: Sent = {}): Promise<number> {
    const position = await kit.storage.write((tx) => tx.nextPosition())
    timeline.push({
      position,
      type,
      sender,
      stateKey: stateKey ?? null,
      content: content ?? { msgtype: 'm.text', body: 'Hello' },
      threadRoot: thread,
    })
    return position
  }

  return {
    kit,
    nid,
    send,
    read: (eventPosition: number, threadId = '', type: 'm.read' | 'm.read.private' = 'm.read') =>
      kit.storage.write((tx) =>
        putReceipt(tx, { roomNid: nid, userId: bob, type, threadId, eventId: `$${eventPosition}`, eventPosition, sentAt: 0 }),
      ),
    unread(threads = false, userId = bob) {
      const filter = { room: { timeline: { unread_thread_notifications: threads } } }
      const made = fields.fieldsOf(queryOf(kit, { userId, joined: { [nid]: roomId }, filter }), nid)
      return Object.fromEntries(Object.entries(made).map(([name, json]) => [name, JSON.parse(json)]))
    },
    /** Forgets what is in memory, as a restart does. */
    restart() {
      fields = begin()
    },
    looked: () => looked,
  }
}

const counts = (notification_count: number, highlight_count = 0) => ({ highlight_count, notification_count })
const mention = { msgtype: 'm.text', body: 'Bob!', 'm.mentions': { user_ids: [bob] } }

test('messages of others count, mentions highlight, own and unimportant events do not', async () => {
  const { send, unread } = await setUp()
  expect(unread()).toEqual({ unread_notifications: counts(0) })
  await send()
  await send({ content: mention })
  await send({ type: 'm.reaction' })
  await send({ content: { msgtype: 'm.notice', body: 'beep' } })
  await send({ type: 'm.room.topic', stateKey: '', content: { topic: 'x' } })
  expect(unread()).toEqual({ unread_notifications: counts(2, 1) })
  expect(unread(false, alice)).toEqual({ unread_notifications: counts(0) })
})

test('state events are judged too', async () => {
  const { send, unread } = await setUp()
  await send({ type: 'm.room.tombstone', stateKey: '', content: {} })
  expect(unread()).toEqual({ unread_notifications: counts(1, 1) })
})

test('a redacted mention counts without highlight, since its content is gone', async () => {
  const { send, unread } = await setUp()
  await send({ content: {} })
  expect(unread()).toEqual({ unread_notifications: counts(1) })
})

test('what was sent before joining is read', async () => {
  const { kit, nid, send, unread } = await setUp()
  await send()
  await kit.storage.write((tx) => {
    tx.raw.prepare('UPDATE memberships SET joined_at = ? WHERE room_nid = ? AND user_id = ?').run(tx.nextPosition(), nid, bob)
  })
  await send()
  expect(unread()).toEqual({ unread_notifications: counts(1) })
})

test.each(['m.read', 'm.read.private'] as const)('%s takes off what lies before it', async (type) => {
  const { send, read, unread } = await setUp()
  await send()
  const second = await send({ content: mention })
  await send()
  expect(unread()).toEqual({ unread_notifications: counts(3, 1) })
  await read(second, '', type)
  expect(unread()).toEqual({ unread_notifications: counts(1) })
  await send()
  expect(unread()).toEqual({ unread_notifications: counts(2) })
})

test('sending something means having read', async () => {
  const { send, unread } = await setUp()
  await send()
  await send({ thread: '$root' })
  await send({ sender: bob })
  expect(unread()).toEqual({ unread_notifications: counts(1) })
  await send({ sender: bob, thread: '$root' })
  await send()
  expect(unread()).toEqual({ unread_notifications: counts(1) })
})

test('ignored users do not count', async () => {
  const { kit, send, unread } = await setUp()
  await kit.storage.write((tx) => setAccountData(tx, bob, undefined, 'm.ignored_user_list', { ignored_users: { [alice]: {} } }))
  await send()
  await send({ sender: carol })
  expect(unread()).toEqual({ unread_notifications: counts(1) })
})

test('changed rules count from then on', async () => {
  const { kit, send, unread } = await setUp()
  await send()
  expect(unread()).toEqual({ unread_notifications: counts(1) })
  const request = kit.serve(pushRuleEndpoints(kit.storage))
  await request(bob, 'PUT', `/_matrix/client/v3/pushrules/global/room/${roomId}`, { actions: [] })
  await send()
  expect(unread()).toEqual({ unread_notifications: counts(1) })
})

test('threads are counted and read apart where the filter asks for it', async () => {
  const { send, read, unread } = await setUp()
  const a = await send()
  const b = await send({ thread: '$a' })
  await send({ thread: '$a', content: mention })
  const d = await send({ content: mention })
  const e = await send({ thread: '$a' })
  await send()
  expect(unread()).toEqual({ unread_notifications: counts(6, 2) })
  const byThread = (main: object, thread?: object) => ({
    unread_notifications: main,
    ...(thread && { unread_thread_notifications: { $a: thread } }),
  })
  expect(unread(true)).toEqual(byThread(counts(3, 1), counts(3, 1)))
  await read(a, 'main')
  expect(unread()).toEqual({ unread_notifications: counts(5, 2) })
  expect(unread(true)).toEqual(byThread(counts(2, 1), counts(3, 1)))
  await read(b, '$a')
  expect(unread(true)).toEqual(byThread(counts(2, 1), counts(2, 1)))
  await read(d)
  expect(unread(true)).toEqual(byThread(counts(1), counts(1)))
  await read(e, '$a')
  expect(unread(true)).toEqual(byThread(counts(1)))
})

test('each event is looked at once', async () => {
  const { send, read, unread, looked } = await setUp()
  for (let times = 0; times < 5; times += 1) await send()
  const last = await send()
  unread()
  unread(true)
  await read(last, 'main')
  unread()
  expect(looked()).toBe(6)
  await send()
  unread()
  expect(looked()).toBe(7)
})

test('many unread messages count exactly, also when a part of them is read', async () => {
  const { send, read, unread } = await setUp()
  const positions: number[] = []
  for (let times = 0; times < 350; times += 1)
    positions.push(await send({ content: times % 10 === 0 ? mention : { body: 'x' }, ...(times % 7 === 0 && { thread: '$t' }) }))
  expect(unread()).toEqual({ unread_notifications: counts(350, 35) })
  await read(positions[99] ?? 0)
  expect(unread()).toEqual({ unread_notifications: counts(250, 25) })
  await read(positions[349] ?? 0, 'main')
  expect(unread()).toEqual({ unread_notifications: counts(35, 3) })
  await read(positions[349] ?? 0)
  expect(unread()).toEqual({ unread_notifications: counts(0) })
})

test('a restart does not look at everything again', async () => {
  const { kit, send, read, unread, restart, looked } = await setUp()
  let middle = 0
  for (let times = 0; times < 600; times += 1) {
    const position = await send({ content: times % 10 === 0 ? mention : { body: 'x' } })
    if (times === 299) middle = position
  }
  expect(unread()).toEqual({ unread_notifications: counts(600, 60) })
  await kit.storage.idle()
  await send()
  const before = looked()
  restart()
  expect(unread()).toEqual({ unread_notifications: counts(601, 60) })
  expect(looked() - before).toBe(1)
  restart()
  await read(middle)
  expect(unread()).toEqual({ unread_notifications: counts(301, 30) })
})
