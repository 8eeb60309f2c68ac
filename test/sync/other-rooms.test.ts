import { expect, test } from 'vitest'
import { act, bodies, cast, createRoom, join, leave, ok, say, setState, v3 } from '../rooms/kit.ts'
import { keys, sync, timelineLimit } from './kit.ts'

test('an invitation comes once, with what the invited may know', async () => {
  const { alice, bob } = await cast()
  const first = await sync(bob)
  const roomId = await createRoom(alice, {
    name: 'Practice',
    topic: 'Secret',
    invite: [bob.userId],
    initial_state: [{ type: 'org.test', content: {} }],
  })
  const second = await sync(bob, { since: first.next_batch })
  const events = second.rooms.invite[roomId]?.invite_state.events ?? []
  expect(keys(events)).toEqual(
    expect.arrayContaining([
      'm.room.create',
      'm.room.join_rules',
      `m.room.member ${alice.userId}`,
      `m.room.member ${bob.userId}`,
      'm.room.name',
    ]),
  )
  expect(keys(events)).not.toContain('org.test')
  for (const event of events) {
    const more = event.type === 'm.room.create' ? ['origin_server_ts'] : []
    expect(Object.keys(event).sort()).toEqual(['content', ...more, 'sender', 'state_key', 'type'])
  }
  expect(Object.keys(second.rooms.join)).toEqual([])
  expect((await sync(bob, { since: second.next_batch })).rooms.invite).toEqual({})
  expect(Object.keys((await sync(bob)).rooms.invite)).toEqual([roomId])
})

test('an accepted invitation becomes a joined room', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice, { invite: [bob.userId] })
  const { next_batch: since } = await sync(bob)
  await join(bob, roomId)
  const { rooms } = await sync(bob, { since })
  expect([Object.keys(rooms.join), Object.keys(rooms.invite), Object.keys(rooms.leave)]).toEqual([[roomId], [], []])
})

test('a rejected or withdrawn invitation is a room that was left, and tells nothing of it', async () => {
  const { alice, bob } = await cast()
  for (const end of [(roomId: string) => leave(bob, roomId), (roomId: string) => act(alice, 'kick', roomId, bob)]) {
    const roomId = await createRoom(alice, { invite: [bob.userId] })
    const { next_batch: since } = await sync(bob)
    await say(alice, roomId, 'Secret')
    await end(roomId)
    const { rooms } = await sync(bob, { since })
    expect([Object.keys(rooms.invite), Object.keys(rooms.leave)]).toEqual([[], [roomId]])
    expect(rooms.leave[roomId]?.timeline.events.map(({ content }) => content.membership)).toEqual(['leave'])
    expect(rooms.leave[roomId]?.state.events).toEqual([])
  }
})

test('a room that was left: everything up to the end, and nothing after', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  const { next_batch: since } = await sync(bob)
  await say(alice, roomId, 'A')
  await act(alice, 'kick', roomId, bob)
  await say(alice, roomId, 'unheard')
  await setState(alice, roomId, 'm.room.name', { name: 'unheard' })
  const left = await sync(bob, { since })
  expect(bodies(left.rooms.leave[roomId]?.timeline.events ?? [])).toEqual(['A', 'm.room.member'])
  expect(left.rooms.leave[roomId]?.state.events).toEqual([])
  expect(left.rooms.join).toEqual({})
  expect((await sync(bob, { since: left.next_batch })).rooms.leave).toEqual({})
  await act(alice, 'ban', roomId, bob)
  const banned = await sync(bob, { since: left.next_batch })
  expect(banned.rooms.leave[roomId]?.timeline.events.map(({ content }) => content.membership)).toEqual(['ban'])
})

test('a room that was joined and left between two syncs comes with its state', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice)
  for (let n = 0; n < 5; n += 1) await say(alice, roomId, `${n}`)
  const { next_batch: since } = await sync(bob)
  await join(bob, roomId)
  await say(alice, roomId, 'A')
  await leave(bob, roomId)
  const room = (await sync(bob, { since, filter: timelineLimit(3) })).rooms.leave[roomId]
  expect(bodies(room?.timeline.events ?? [])).toEqual(['m.room.member', 'A', 'm.room.member'])
  expect(room?.timeline.limited).toBe(true)
  expect(keys(room?.state.events ?? [])).toContain('m.room.create')
})

test('another device learns that a room was left and forgotten', async () => {
  const { server, alice, bob } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  const { next_batch: since } = await sync(await server.login('bob'))
  await leave(bob, roomId)
  await ok(bob, 'POST', `${v3}/rooms/${roomId}/forget`)
  expect(Object.keys((await sync(bob, { since })).rooms.leave)).toEqual([roomId])
})

test('a knock, its answer, and its refusal', async () => {
  const { alice, bob } = await cast()
  const initial_state = [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }]
  const roomId = await createRoom(alice, { name: 'Practice', initial_state })
  const [ofAlice, first] = [await sync(alice), await sync(bob)]
  await ok(bob, 'POST', `${v3}/knock/${roomId}`, {})
  const second = await sync(bob, { since: first.next_batch })
  expect(keys(second.rooms.knock[roomId]?.knock_state.events ?? [])).toEqual(
    expect.arrayContaining(['m.room.create', `m.room.member ${bob.userId}`, 'm.room.name']),
  )
  expect((await sync(bob, { since: second.next_batch })).rooms.knock).toEqual({})
  const seen = (await sync(alice, { since: ofAlice.next_batch })).rooms.join[roomId]?.timeline.events
  expect(seen?.map(({ content }) => content.membership)).toEqual(['knock'])
  await act(alice, 'kick', roomId, bob)
  const third = await sync(bob, { since: second.next_batch })
  expect(third.rooms.leave[roomId]?.timeline.events.map(({ content }) => content.membership)).toEqual(['leave'])
  await ok(bob, 'POST', `${v3}/knock/${roomId}`, {})
  await act(alice, 'invite', roomId, bob)
  expect(Object.keys((await sync(bob, { since: third.next_batch })).rooms.invite)).toEqual([roomId])
})

test('device lists: who begins and who ends to share a room', async () => {
  const { alice, bob, carol } = await cast()
  const roomId = await createRoom(alice)
  await join(carol, roomId)
  const [ofAlice, ofBob] = [await sync(alice), await sync(bob)]
  await join(bob, roomId)
  const [alice2, bob2] = [await sync(alice, { since: ofAlice.next_batch }), await sync(bob, { since: ofBob.next_batch })]
  expect(alice2.device_lists).toEqual({ changed: [bob.userId], left: [] })
  expect([...bob2.device_lists.changed].sort()).toEqual(expect.arrayContaining([alice.userId, carol.userId]))
  const common = await createRoom(bob)
  await join(carol, common)
  await leave(bob, roomId)
  const [alice3, bob3] = [await sync(alice, { since: alice2.next_batch }), await sync(bob, { since: bob2.next_batch })]
  expect(alice3.device_lists).toEqual({ changed: [], left: [bob.userId] })
  // Carol is met elsewhere, still.
  expect(bob3.device_lists.left).toEqual([alice.userId])
})

test('device lists: two who left a room one after the other', async () => {
  const { alice, bob, carol } = await cast()
  const roomId = await createRoom(alice)
  for (const user of [bob, carol]) await join(user, roomId)
  const [ofBob, ofCarol] = [await sync(bob), await sync(carol)]
  await leave(bob, roomId)
  await leave(carol, roomId)
  expect([...(await sync(bob, { since: ofBob.next_batch })).device_lists.left].sort()).toEqual([alice.userId, carol.userId])
  expect([...(await sync(carol, { since: ofCarol.next_batch })).device_lists.left].sort()).toEqual([alice.userId, bob.userId])
})
