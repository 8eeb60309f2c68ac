import { expect, test } from 'vitest'
import { sendEdus, signerOfServer } from '../federation/edus.ts'
import { neighbours } from '../keys/remote-kit.ts'
import { leave, ok, setState, v3 } from '../rooms/kit.ts'
import type { TestUser } from '../support/world.ts'

const type = (user: TestUser, roomId: string, typing: boolean, timeout = 30_000) =>
  ok(user, 'PUT', `${v3}/rooms/${roomId}/typing/${encodeURIComponent(user.userId)}`, { typing, timeout })

/** Who types, as a first sync shows it. */
async function typists(user: TestUser, roomId: string): Promise<string[]> {
  const { rooms } = await ok(user, 'GET', `${v3}/sync`)
  const events: { type: string; content: { user_ids: string[] } }[] = rooms.join[roomId].ephemeral?.events ?? []
  return events.find((event) => event.type === 'm.typing')?.content.user_ids ?? []
}

test('typing is told to the other servers in the room, and its end, be it said or not', async () => {
  const { world, alice, bob, roomId } = await neighbours()
  await type(alice, roomId, true)
  await world.settled()
  expect(await typists(bob, roomId)).toEqual([alice.userId])
  await type(alice, roomId, false)
  await world.settled()
  expect(await typists(bob, roomId)).toEqual([])
  await type(alice, roomId, true, 20_000)
  await world.settled()
  expect(await typists(bob, roomId)).toEqual([alice.userId])
  await world.clock.advance(21_000)
  await world.settled()
  expect(await typists(bob, roomId)).toEqual([])
})

test('who goes on typing is told of now and then, and is forgotten when their server falls silent', async () => {
  const { world, b, alice, bob, roomId } = await neighbours()
  let told = 0
  world.network.host('b.test', async (request) => {
    if (request.url.includes('/send/') && (await request.clone().text()).includes('m.typing')) told += 1
    return (await b.app.federation?.fetch(request)) ?? Response.error()
  })
  for (let second = 0; second < 60; second += 2) {
    await type(alice, roomId, true, 120_000)
    await world.settled()
    await world.clock.advance(2000)
  }
  expect(told).toBe(3)
  world.network.cut('b.test')
  await world.clock.advance(30_000)
  expect(await typists(bob, roomId)).toEqual([alice.userId])
  await world.clock.advance(30_000)
  await world.settled()
  expect(await typists(bob, roomId)).toEqual([])
})

test('a hostile server: typing of others, of strangers, in unknown rooms, in rooms that keep the server out', async () => {
  const { world, a, b, alice, bob, roomId } = await neighbours()
  const signer = signerOfServer(b)
  const edu = (more: object) => ({
    edu_type: 'm.typing',
    content: { room_id: roomId, user_id: bob.userId, typing: true, ...more },
  })
  const carol = await b.register('carol')
  await sendEdus(signer, a, [
    edu({ user_id: alice.userId }),
    edu({ user_id: carol.userId }),
    edu({ user_id: '@x:c.test' }),
    edu({ room_id: '!none:a.test' }),
    edu({ room_id: 5 }),
    edu({ typing: 'yes' }),
    edu({ user_id: null }),
    { edu_type: 'm.typing', content: {} },
  ])
  expect(await typists(alice, roomId)).toEqual([])
  await sendEdus(
    signer,
    a,
    Array.from({ length: 1000 }, () => edu({})),
  )
  expect(await typists(alice, roomId)).toEqual([bob.userId])
  await sendEdus(signer, a, [edu({ typing: false })])
  await setState(alice, roomId, 'm.room.server_acl', { allow: ['*'], deny: ['b.test'] })
  await sendEdus(signer, a, [edu({})])
  expect(await typists(alice, roomId)).toEqual([])
  await setState(alice, roomId, 'm.room.server_acl', { allow: ['*'] })
  await world.settled()
  await leave(bob, roomId)
  await world.settled()
  await sendEdus(signer, a, [edu({})])
  expect(await typists(alice, roomId)).toEqual([])
})
