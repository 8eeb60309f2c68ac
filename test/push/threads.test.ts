import { expect, test } from 'vitest'
import { ignoredUsersOf } from '../../src/account-data/ignored-users.ts'
import { silentLog } from '../../src/platform/log.ts'
import { createUnreadCounter } from '../../src/push/counter.ts'
import { roomFacts } from '../../src/push/room-facts.ts'
import { unreadFields } from '../../src/push/unread-fields.ts'
import { readPositionsOf } from '../../src/receipts/store.ts'
import { findRoom } from '../../src/rooms/members.ts'
import { pushView } from '../../src/rooms/timeline.ts'
import { createWorld, type TestUser } from '../support/world.ts'

async function setUp() {
  const world = await createWorld()
  const server = await world.server('a.test')
  const { storage } = server.app
  const alice = await server.register('alice')
  const bob = await server.register('bob')
  const created = await alice.request('POST', '/_matrix/client/v3/createRoom', { preset: 'public_chat' })
  const roomId: string = created.body.room_id
  const room = `/_matrix/client/v3/rooms/${roomId}`
  await bob.request('POST', `${room}/join`, {})
  const fields = unreadFields(
    createUnreadCounter({ storage, log: silentLog, pushView, readPositionsOf, ignoredUsersOf, roomFacts }),
  )
  let transaction = 0
  return {
    async send(by: TestUser, content: object, type = 'm.room.message'): Promise<string> {
      transaction += 1
      const answer = await by.request('PUT', `${room}/send/${type}/t${transaction}`, content)
      expect(answer.status).toBe(200)
      return answer.body.event_id
    },
    async read(by: TestUser, eventId: string, threadId?: string) {
      const answer = await by.request('POST', `${room}/receipt/m.read/${eventId}`, threadId ? { thread_id: threadId } : {})
      expect(answer).toMatchObject({ status: 200, body: {} })
    },
    redact: (by: TestUser, eventId: string) => by.request('PUT', `${room}/redact/${eventId}/r`, {}),
    unread(by: TestUser, threads = false) {
      const nid = findRoom(storage.reader, roomId)?.nid ?? 0
      const made = fields.fieldsOf(
        {
          reader: storage.reader,
          userId: by.userId,
          deviceId: by.deviceId,
          from: 0,
          to: storage.reader.position,
          joined: new Map([[nid, findRoom(storage.reader, roomId)!.roomId]]),
          newlyJoined: new Set(),
          filter: { room: { timeline: { unread_thread_notifications: threads } } },
        },
        nid,
      )
      return Object.fromEntries(Object.entries(made).map(([name, json]) => [name, JSON.parse(json)]))
    },
    alice,
    bob,
    server,
  }
}

const text = (body: string, more: object = {}) => ({ msgtype: 'm.text', body, ...more })
const counts = (notification_count: number, highlight_count = 0) => ({ highlight_count, notification_count })

// A <- B <- C <- E in the thread of A; D in the main timeline; F refers to A, G reacts to F.
test('threads of a real room are counted and read apart', async () => {
  const { alice, bob, send, read, unread } = await setUp()
  expect(unread(bob)).toEqual({ unread_notifications: counts(0) })
  const mention = { 'm.mentions': { user_ids: [bob.userId] } }
  const a = await send(alice, text('Hello'))
  const inThread = { 'm.relates_to': { rel_type: 'm.thread', event_id: a } }
  const b = await send(alice, text('Thread', inThread))
  await send(alice, text('You', { ...inThread, ...mention }))
  const d = await send(alice, text('You', mention))
  await send(alice, text('End', inThread))
  const f = await send(alice, text('See', { 'm.relates_to': { rel_type: 'm.reference', event_id: a } }))
  const g = await send(alice, { 'm.relates_to': { rel_type: 'm.annotation', event_id: f, key: 'x' } }, 'm.reaction')
  const byThread = (main: object, thread?: object) => ({
    unread_notifications: main,
    ...(thread && { unread_thread_notifications: { [a]: thread } }),
  })
  expect(unread(bob)).toEqual({ unread_notifications: counts(6, 2) })
  expect(unread(bob, true)).toEqual(byThread(counts(3, 1), counts(3, 1)))
  await read(bob, a, 'main')
  expect(unread(bob, true)).toEqual(byThread(counts(2, 1), counts(3, 1)))
  await read(bob, b, a)
  expect(unread(bob, true)).toEqual(byThread(counts(2, 1), counts(2, 1)))
  await read(bob, d)
  expect(unread(bob)).toEqual({ unread_notifications: counts(2) })
  expect(unread(bob, true)).toEqual(byThread(counts(1), counts(1)))
  await read(bob, g, a)
  expect(unread(bob, true)).toEqual(byThread(counts(1)))
})

test('whoever may notify the room is who its power levels say', async () => {
  const { alice, bob, send, unread } = await setUp()
  const everybody = text('All!', { 'm.mentions': { room: true } })
  await send(alice, everybody)
  expect(unread(bob)).toEqual({ unread_notifications: counts(1, 1) })
  await send(bob, everybody)
  expect(unread(alice)).toEqual({ unread_notifications: counts(1) })
})

test('a mention that was redacted before it was counted does not highlight', async () => {
  const { alice, bob, send, redact, unread } = await setUp()
  const id = await send(alice, text('You', { 'm.mentions': { user_ids: [bob.userId] } }))
  await redact(alice, id)
  expect(unread(bob).unread_notifications.highlight_count).toBe(0)
})
