import { expect, test } from 'vitest'
import { roomAccountDataOf, setAccountData } from '../../src/account-data/store.ts'
import { receiptEndpoints } from '../../src/receipts/endpoints.ts'
import { readPosition, readPositionsOf } from '../../src/receipts/store.ts'
import { receiptsStream } from '../../src/receipts/stream.ts'
import { alice, bob, carol, collected, createKit } from '../account-data/kit.ts'

const roomId = '!room:a.test'
const receipts = `/_matrix/client/v3/rooms/${roomId}/receipt`
const markers = `/_matrix/client/v3/rooms/${roomId}/read_markers`

/** Events $1 to $9 at positions 101 to 109; $3 and $5 are in the thread of $2, $6 reacts to $5. */
async function setUp() {
  const kit = createKit()
  const nid = await kit.room(roomId, alice, bob)
  const relations: Record<string, string> = { $3: '$2', $5: '$2', $6: '$5' }
  const request = kit.serve(
    receiptEndpoints({
      storage: kit.storage,
      clock: kit.clock,
      positionOf: (_reader, eventId) =>
        /^\$[1-9]$/.test(eventId) ? { position: 100 + Number(eventId[1]), roomNid: nid } : undefined,
      relationOf: (_reader, eventId) => {
        const target = relations[eventId]
        return target === undefined ? undefined : { target, relationType: 'm.thread' }
      },
      fullyRead: {
        get: (reader, userId, roomNid) =>
          roomAccountDataOf(reader, userId, roomNid, 'm.fully_read')?.event_id as string | undefined,
        set: (tx, userId, roomNid, eventId) => setAccountData(tx, userId, roomNid, 'm.fully_read', { event_id: eventId }),
      },
      active: () => undefined,
    }),
  )
  const read = (userId: string, type: string, eventId: string, body: object = {}) =>
    request(userId, 'POST', `${receipts}/${type}/${eventId}`, body)
  const seenBy = (userId: string, from = 0) =>
    collected(kit, receiptsStream, { userId, from, joined: { [nid]: roomId } }).rooms[nid]?.ephemeral
  return { kit, nid, request, read, seenBy }
}

test('a receipt reaches everybody in the room, without a room id', async () => {
  const { kit, read, seenBy } = await setUp()
  const from = kit.storage.reader.position
  expect(await read(alice, 'm.read', '$1')).toEqual({ status: 200, body: {} })
  const expected = [{ type: 'm.receipt', content: { $1: { 'm.read': { [alice]: { ts: kit.clock.now() } } } } }]
  expect(seenBy(bob)).toEqual(expected)
  expect(seenBy(bob, from)).toEqual(expected)
  expect(seenBy(bob, kit.storage.reader.position)).toBeUndefined()
})

test('the receipts of a room come as one event, only the newest of each user', async () => {
  const { read, seenBy, kit } = await setUp()
  await read(alice, 'm.read', '$1')
  await read(alice, 'm.read', '$4')
  await read(bob, 'm.read', '$4')
  const ts = kit.clock.now()
  expect(seenBy(bob)).toEqual([{ type: 'm.receipt', content: { $4: { 'm.read': { [alice]: { ts }, [bob]: { ts } } } } }])
})

test('receipts move forward only', async () => {
  const { kit, nid, read } = await setUp()
  await read(alice, 'm.read', '$4')
  const before = kit.storage.reader.position
  expect((await read(alice, 'm.read', '$3')).status).toBe(200)
  expect(readPosition(kit.storage.reader, alice, nid)).toBe(104)
  expect(kit.storage.reader.position).toBe(before)
})

test('a private receipt is seen by its user alone, and counts like a public one', async () => {
  const { kit, nid, read, seenBy } = await setUp()
  await read(alice, 'm.read', '$2')
  const from = kit.storage.reader.position
  await read(alice, 'm.read.private', '$4')
  expect(seenBy(bob, from)).toBeUndefined()
  expect(Object.keys(seenBy(alice, from)?.[0].content)).toEqual(['$4'])
  expect(seenBy(bob)?.[0].content).not.toHaveProperty('$4')
  expect(readPosition(kit.storage.reader, alice, nid)).toBe(104)
})

test('a private receipt wakes its user, a public one the room', async () => {
  const { kit, nid, read } = await setUp()
  const gone = new AbortController()
  const room = kit.storage.waiters.wait([`room/${nid}`], 1000, gone.signal)
  const user = kit.storage.waiters.wait([`user/${alice}`], 1000, undefined)
  await read(alice, 'm.read.private', '$1')
  expect(await user).toBe('woken')
  gone.abort()
  expect(await room).toBe('aborted')
  const again = kit.storage.waiters.wait([`room/${nid}`], 1000, undefined)
  await read(alice, 'm.read', '$1')
  expect(await again).toBe('woken')
})

test('who has read nothing begins where they joined', async () => {
  const { kit, nid } = await setUp()
  const joinedAt = readPosition(kit.storage.reader, alice, nid)
  expect(joinedAt).toBeGreaterThan(0)
  expect(readPosition(kit.storage.reader, alice, nid, 'main')).toBe(joinedAt)
})

test('threads are read apart; an unthreaded receipt reads them all', async () => {
  const { kit, nid, read } = await setUp()
  await read(alice, 'm.read', '$1', { thread_id: 'main' })
  await read(alice, 'm.read', '$3', { thread_id: '$2' })
  const { reader } = kit.storage
  expect(readPosition(reader, alice, nid, 'main')).toBe(101)
  expect(readPosition(reader, alice, nid, '$2')).toBe(103)
  expect(readPosition(reader, alice, nid, '$9')).toBeLessThan(101)
  await read(alice, 'm.read', '$4')
  expect(readPositionsOf(reader, alice, nid)).toEqual({ room: 104, threads: new Map() })
  await read(alice, 'm.read', '$6', { thread_id: '$2' })
  expect(readPositionsOf(reader, alice, nid)).toEqual({ room: 104, threads: new Map([['$2', 106]]) })
})

test('of a threaded and an unthreaded receipt for one event the unthreaded one is shown', async () => {
  const { read, seenBy } = await setUp()
  await read(alice, 'm.read', '$3')
  await read(alice, 'm.read', '$3', { thread_id: '$2' })
  expect(seenBy(bob)?.[0].content.$3['m.read'][alice]).not.toHaveProperty('thread_id')
  await read(alice, 'm.read', '$5', { thread_id: '$2' })
  expect(seenBy(bob)?.[0].content.$5['m.read'][alice].thread_id).toBe('$2')
})

test.each([
  ['m.read', '$4', { thread_id: '$2' }, 400, 'M_INVALID_PARAM'],
  ['m.read', '$3', { thread_id: '' }, 400, 'M_INVALID_PARAM'],
  ['m.read', '$3', { thread_id: 5 }, 400, 'M_INVALID_PARAM'],
  ['m.fully_read', '$3', { thread_id: 'main' }, 400, 'M_INVALID_PARAM'],
  ['m.delivered', '$3', {}, 400, 'M_INVALID_PARAM'],
  ['m.read', '$unknown', {}, 404, 'M_NOT_FOUND'],
])('%s at %s with %j is refused', async (type, eventId, body, status, code) => {
  const { kit, read } = await setUp()
  const before = kit.storage.reader.position
  const answer = await read(alice, type, eventId, body)
  expect([answer.status, answer.body.errcode]).toEqual([status, code])
  expect(kit.storage.reader.position).toBe(before)
})

test('outsiders mark nothing', async () => {
  const { read } = await setUp()
  expect((await read(carol, 'm.read', '$1')).body.errcode).toBe('M_FORBIDDEN')
})

test('read markers set the fully read marker, forward only, and the receipts with it', async () => {
  const { kit, nid, request, read } = await setUp()
  const marker = () => roomAccountDataOf(kit.storage.reader, alice, nid, 'm.fully_read')
  await request(alice, 'POST', markers, { 'm.fully_read': '$2', 'm.read': '$3', 'm.read.private': '$4' })
  expect(marker()).toEqual({ event_id: '$2' })
  expect(readPosition(kit.storage.reader, alice, nid)).toBe(104)
  await request(alice, 'POST', markers, { 'm.fully_read': '$1' })
  expect(marker()).toEqual({ event_id: '$2' })
  await read(alice, 'm.fully_read', '$5')
  expect(marker()).toEqual({ event_id: '$5' })
  expect((await request(alice, 'POST', markers, {})).status).toBe(200)
})

test('after a long time away the receipts are found room by room', async () => {
  const { kit, nid, read } = await setUp()
  const from = kit.storage.reader.position
  await read(alice, 'm.read', '$1')
  await kit.storage.write((tx) => {
    for (let times = 0; times < 200; times += 1) tx.nextPosition()
  })
  const { rooms } = collected(kit, receiptsStream, { userId: bob, from, joined: { [nid]: roomId } })
  expect(Object.keys(rooms[nid]?.ephemeral[0].content)).toEqual(['$1'])
})

test('filters leave receipts out', async () => {
  const { kit, nid, read } = await setUp()
  await read(alice, 'm.read', '$1')
  for (const ephemeral of [{ not_types: ['m.receipt'] }, { not_rooms: [roomId] }]) {
    const asked = { userId: bob, joined: { [nid]: roomId }, filter: { room: { ephemeral } } }
    expect(collected(kit, receiptsStream, asked).rooms).toEqual({})
  }
})
