import { expect, test } from 'vitest'
import { sendEdus, signerOfServer } from '../federation/edus.ts'
import { neighbours } from '../keys/remote-kit.ts'
import { createRoom, ok, say, setState, v3 } from '../rooms/kit.ts'
import type { TestUser } from '../support/world.ts'

const read = (user: TestUser, roomId: string, eventId: string, type = 'm.read', body: object = {}) =>
  ok(user, 'POST', `${v3}/rooms/${roomId}/receipt/${type}/${encodeURIComponent(eventId)}`, body)

/** Whom a first sync shows to have read what: `USER EVENT` or `USER EVENT THREAD`. */
async function receipts(user: TestUser, roomId: string): Promise<string[]> {
  const { rooms } = await ok(user, 'GET', `${v3}/sync`)
  const events: { type: string; content: Record<string, Record<string, Record<string, { thread_id?: string }>>> }[] =
    rooms.join[roomId].ephemeral?.events ?? []
  const content = events.find((event) => event.type === 'm.receipt')?.content ?? {}
  return Object.entries(content)
    .flatMap(([eventId, types]) =>
      Object.values(types).flatMap((users) =>
        Object.entries(users).map(([userId, { thread_id }]) => [userId, eventId, thread_id].filter(Boolean).join(' ')),
      ),
    )
    .sort()
}

test('receipts are told to the other servers in the room, private ones are not', async () => {
  const { world, alice, bob, roomId } = await neighbours()
  const [first, second] = [await say(alice, roomId, 'one'), await say(alice, roomId, 'two')]
  await world.settled()
  await read(bob, roomId, first)
  await world.settled()
  expect(await receipts(alice, roomId)).toEqual([`${bob.userId} ${first}`])
  await read(bob, roomId, second, 'm.read.private')
  await world.settled()
  expect(await receipts(alice, roomId)).toEqual([`${bob.userId} ${first}`])
  await ok(bob, 'POST', `${v3}/rooms/${roomId}/read_markers`, { 'm.read': second, 'm.fully_read': second })
  await world.settled()
  expect(await receipts(alice, roomId)).toEqual([`${bob.userId} ${second}`])
})

test('receipts of threads keep their thread', async () => {
  const { world, alice, bob, roomId } = await neighbours()
  const root = await say(alice, roomId, 'root')
  const reply = await say(alice, roomId, 'reply', { 'm.relates_to': { rel_type: 'm.thread', event_id: root } })
  await world.settled()
  await read(bob, roomId, reply, 'm.read', { thread_id: root })
  await world.settled()
  expect(await receipts(alice, roomId)).toEqual([`${bob.userId} ${reply} ${root}`])
})

test('of the receipts that wait for a server that is away only the newest is sent, also after a restart', async () => {
  const { world, a, b, alice, bob, roomId } = await neighbours()
  const ids: string[] = []
  for (let count = 0; count < 5; count += 1) ids.push(await say(alice, roomId, `${count}`))
  await world.settled()
  world.network.cut('a.test')
  for (const id of ids) await read(bob, roomId, id)
  const waiting = b.app.storage.reader.raw.prepare(`SELECT count(*) FROM outgoing_edus WHERE type = 'm.receipt'`).pluck().get()
  expect(waiting).toBe(1)
  await b.restart()
  world.network.host('a.test', async (request) => (await a.app.federation?.fetch(request)) ?? Response.error())
  await world.clock.advance(60_000)
  await world.settled()
  expect(await receipts(alice, roomId)).toEqual([`${bob.userId} ${ids[4]}`])
})

test('a receipt may come before its event, and does not go back', async () => {
  const { world, a, b, alice, bob, roomId } = await neighbours()
  const signer = signerOfServer(b)
  const early = `$${'e'.repeat(43)}`
  const before = await say(alice, roomId, 'before')
  await world.settled()
  const edu = (eventId: string) => ({
    edu_type: 'm.receipt',
    content: { [roomId]: { 'm.read': { [bob.userId]: { event_ids: [eventId], data: { ts: 1 } } } } },
  })
  await sendEdus(signer, a, [edu(early), edu(before)])
  expect(await receipts(alice, roomId)).toEqual([`${bob.userId} ${early}`])
  const later = await say(alice, roomId, 'later')
  await sendEdus(signer, a, [edu(later)])
  expect(await receipts(alice, roomId)).toEqual([`${bob.userId} ${later}`])
})

test('a hostile server: receipts of others, of strangers, for other rooms, of the wrong shape, and thousands', async () => {
  const { world, a, b, alice, bob, roomId } = await neighbours()
  const signer = signerOfServer(b)
  const carol = await b.register('carol')
  const id = await say(alice, roomId, 'one')
  const other = await createRoom(alice)
  const elsewhere = await say(alice, other, 'elsewhere')
  await world.settled()
  const receipt = (more: object = {}) => ({ event_ids: [id], data: { ts: 1 }, ...more })
  const edu = (room: string, user: string, one: unknown) => ({
    edu_type: 'm.receipt',
    content: { [room]: { 'm.read': { [user]: one } } } as never,
  })
  await sendEdus(signer, a, [
    edu(roomId, alice.userId, receipt()),
    edu(roomId, carol.userId, receipt()),
    edu(roomId, '@x:c.test', receipt()),
    edu(other, bob.userId, receipt({ event_ids: [elsewhere] })),
    edu(roomId, bob.userId, receipt({ event_ids: [elsewhere] })),
    edu('!none:a.test', bob.userId, receipt()),
    edu(roomId, bob.userId, receipt({ event_ids: [] })),
    edu(roomId, bob.userId, receipt({ event_ids: 'x' })),
    edu(roomId, bob.userId, receipt({ event_ids: ['no event'] })),
    edu(roomId, bob.userId, receipt({ data: {} })),
    edu(roomId, bob.userId, receipt({ data: { ts: -1 } })),
    edu(roomId, bob.userId, receipt({ data: { ts: 1, thread_id: 5 } })),
    edu(roomId, bob.userId, receipt({ data: { ts: 1, thread_id: 'x'.repeat(300) } })),
    edu(roomId, bob.userId, 'text'),
    { edu_type: 'm.receipt', content: { [roomId]: { 'm.read.private': { [bob.userId]: receipt() } } } },
    { edu_type: 'm.receipt', content: { [roomId]: 'text' } },
    {
      edu_type: 'm.receipt',
      content: {
        [roomId]: {
          'm.read': Object.fromEntries(
            Array.from({ length: 2000 }, (_, n) => [n === 0 ? bob.userId : `@u${n}:b.test`, receipt()]),
          ),
        },
      },
    },
  ])
  expect(await receipts(alice, roomId)).toEqual([])
  await setState(alice, roomId, 'm.room.server_acl', { allow: ['*'], deny: ['b.test'] })
  await sendEdus(signer, a, [edu(roomId, bob.userId, receipt())])
  expect(await receipts(alice, roomId)).toEqual([])
  await setState(alice, roomId, 'm.room.server_acl', { allow: ['*'] })
  await sendEdus(signer, a, [edu(roomId, bob.userId, receipt())])
  expect(await receipts(alice, roomId)).toEqual([`${bob.userId} ${id}`])
})
