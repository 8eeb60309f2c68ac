import { expect, test } from 'vitest'
import { act, bodies, cast, createRoom, history, join, leave, ok, refused, say, setState, v3 } from '../rooms/kit.ts'
import { keys, sync, syncPath, timelineLimit } from './kit.ts'

test('the first sync has each room whole: timeline, state before it, summary', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  await setState(alice, roomId, 'm.room.topic', { topic: 'T' })
  await say(bob, roomId, 'A')
  const { rooms } = await sync(alice, { filter: timelineLimit(2) })
  const room = rooms.join[roomId]
  expect(bodies(room?.timeline.events ?? [])).toEqual(['m.room.topic', 'A'])
  expect(room?.timeline.limited).toBe(true)
  expect(keys(room?.state.events ?? [])).toEqual([
    'm.room.create',
    'm.room.history_visibility',
    'm.room.join_rules',
    `m.room.member ${alice.userId}`,
    `m.room.member ${bob.userId}`,
    'm.room.power_levels',
  ])
  expect(room?.summary).toEqual({ 'm.heroes': [bob.userId], 'm.joined_member_count': 2, 'm.invited_member_count': 0 })
  expect(room?.timeline.events[0]).not.toHaveProperty('room_id')
  const older = await ok(alice, 'GET', `${v3}/rooms/${roomId}/messages?dir=b&limit=1&from=${room?.timeline.prev_batch}`)
  expect(older.chunk[0].state_key).toBe(bob.userId)
})

test('a whole timeline has no state before it', async () => {
  const { alice } = await cast()
  const roomId = await createRoom(alice)
  const room = (await sync(alice, { filter: timelineLimit(100) })).rooms.join[roomId]
  expect(room?.timeline.limited).toBe(false)
  expect(room?.state.events).toEqual([])
  expect(room?.timeline.events[0]?.type).toBe('m.room.create')
})

test('later syncs have what is new, and no room where nothing is', async () => {
  const { alice, bob } = await cast()
  const [roomId, quiet] = [await createRoom(alice), await createRoom(alice)]
  await join(bob, roomId)
  const first = await sync(alice)
  const ids = [await say(bob, roomId, 'A'), await say(alice, roomId, 'B')]
  const second = await sync(alice, { since: first.next_batch })
  const room = second.rooms.join[roomId]
  expect(room?.timeline.events.map((event) => event.event_id)).toEqual(ids)
  expect([room?.timeline.limited, room?.state.events]).toEqual([false, []])
  expect(second.rooms.join[quiet]).toBeUndefined()
  const third = await sync(alice, { since: second.next_batch })
  expect(third.rooms.join).toEqual({})
  expect(third.next_batch).toBe(second.next_batch)
  expect((await sync(alice, { since: first.next_batch })).rooms.join[roomId]?.timeline.events).toHaveLength(2)
})

test('a gap: the state that changed in it, and a token to fill it from', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  const { next_batch: since } = await sync(alice)
  await setState(alice, roomId, 'm.room.name', { name: 'First' })
  await setState(alice, roomId, 'm.room.name', { name: 'Second' })
  await say(bob, roomId, 'A')
  await setState(alice, roomId, 'm.room.topic', { topic: 'T' })
  await say(bob, roomId, 'B')
  const { rooms } = await sync(alice, { since, filter: timelineLimit(2) })
  const room = rooms.join[roomId]
  expect(bodies(room?.timeline.events ?? [])).toEqual(['m.room.topic', 'B'])
  expect(room?.timeline.limited).toBe(true)
  expect(room?.state.events.map(({ type, content }) => [type, content.name])).toEqual([['m.room.name', 'Second']])
  const gap = await ok(alice, 'GET', `${v3}/rooms/${roomId}/messages?dir=b&from=${room?.timeline.prev_batch}&to=${since}`)
  expect(bodies(gap.chunk)).toEqual(['A', 'm.room.name', 'm.room.name'])
  expect(gap).not.toHaveProperty('end')
  const none = (await sync(alice, { since, filter: timelineLimit(0) })).rooms.join[roomId]
  expect([none?.timeline.events, none?.timeline.limited]).toEqual([[], true])
  expect(keys(none?.state.events ?? [])).toEqual(['m.room.name', 'm.room.topic'])
})

test('state_after: the state at the end of the timeline, where the client wants it so', async () => {
  const { alice } = await cast()
  const roomId = await createRoom(alice)
  const { next_batch: since } = await sync(alice)
  await setState(alice, roomId, 'm.room.name', { name: 'Gap' })
  await say(alice, roomId, 'A')
  await setState(alice, roomId, 'm.room.topic', { topic: 'Timeline' })
  const more = '&use_state_after=true'
  const room = (await sync(alice, { since, filter: timelineLimit(1), more })).rooms.join[roomId]
  expect(room).not.toHaveProperty('state')
  expect(keys(room?.state_after.events ?? [])).toEqual(['m.room.name', 'm.room.topic'])
  expect(keys(room?.timeline.events ?? [])).toEqual(['m.room.topic'])
  const whole = (await sync(alice, { filter: timelineLimit(1), more })).rooms.join[roomId]
  expect(keys(whole?.state_after.events ?? [])).toContain('m.room.topic')
})

test('full_state: all state again, at once', async () => {
  const { alice } = await cast()
  const roomId = await createRoom(alice)
  const { next_batch: since } = await sync(alice)
  // With a time limit: it must not wait.
  const { rooms } = await sync(alice, { since, timeout: 30_000, more: '&full_state=true' })
  expect(keys(rooms.join[roomId]?.state.events ?? [])).toContain('m.room.create')
  expect(rooms.join[roomId]?.timeline.events).toEqual([])
})

test('a room joined since the last sync comes whole; one left and joined again too', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice)
  await say(alice, roomId, 'before')
  const first = await sync(bob)
  await join(bob, roomId)
  const second = await sync(bob, { since: first.next_batch, filter: timelineLimit(2) })
  const room = second.rooms.join[roomId]
  expect(bodies(room?.timeline.events ?? [])).toEqual(['before', 'm.room.member'])
  expect(room?.timeline.limited).toBe(true)
  expect(keys(room?.state.events ?? [])).toContain('m.room.create')
  await leave(bob, roomId)
  await setState(alice, roomId, 'm.room.name', { name: 'Meanwhile' })
  await join(bob, roomId)
  const third = await sync(bob, { since: second.next_batch, filter: timelineLimit(1) })
  expect(Object.keys(third.rooms.leave)).toEqual([])
  expect(keys(third.rooms.join[roomId]?.state.events ?? [])).toEqual(
    expect.arrayContaining(['m.room.create', 'm.room.name', 'm.room.power_levels']),
  )
})

test('of a joined room with hidden history nothing from before comes', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice, {
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
  })
  await say(alice, roomId, 'before')
  await join(bob, roomId)
  const room = (await sync(bob, { filter: timelineLimit(50) })).rooms.join[roomId]
  expect(bodies(room?.timeline.events ?? [])).toEqual(['m.room.member'])
  expect(room?.timeline.limited).toBe(true)
  expect(keys(room?.state.events ?? [])).toEqual(expect.arrayContaining(['m.room.create', 'm.room.join_rules']))
  // Of the time before the rule there is something to be seen, and to be asked for.
  const older = await ok(bob, 'GET', `${v3}/rooms/${roomId}/messages?dir=b&limit=50&from=${room?.timeline.prev_batch}`)
  expect(bodies(older.chunk).at(-1)).toBe('m.room.create')
  expect(bodies(older.chunk)).not.toContain('before')
})

test('summary: heroes only where the room has no name, counts when members change', async () => {
  const { alice, bob, carol } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  const summary = async (since?: string) => {
    const answer = await sync(alice, since === undefined ? {} : { since })
    return { since: answer.next_batch, summary: answer.rooms.join[roomId]?.summary }
  }
  const first = await summary()
  expect(first.summary?.['m.heroes']).toEqual([bob.userId])
  await act(alice, 'invite', roomId, carol)
  const second = await summary(first.since)
  expect(second.summary).toEqual({
    'm.heroes': [bob.userId, carol.userId],
    'm.joined_member_count': 2,
    'm.invited_member_count': 1,
  })
  await leave(bob, roomId)
  await leave(carol, roomId)
  const third = await summary(second.since)
  expect(third.summary).toEqual({
    'm.heroes': [bob.userId, carol.userId],
    'm.joined_member_count': 1,
    'm.invited_member_count': 0,
  })
  await setState(alice, roomId, 'm.room.name', { name: 'Named' })
  await join(bob, roomId)
  expect((await summary(third.since)).summary).toEqual({ 'm.joined_member_count': 2, 'm.invited_member_count': 0 })
})

test('ignored people are not heard, but their state is', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice, {
    preset: 'public_chat',
    power_level_content_override: { events: { 'm.room.name': 0 } },
  })
  await join(bob, roomId)
  const { next_batch: since } = await sync(alice)
  await ok(alice, 'PUT', `${v3}/user/${alice.userId}/account_data/m.ignored_user_list`, {
    ignored_users: { [bob.userId]: {} },
  })
  await say(bob, roomId, 'unheard')
  const named = await setState(bob, roomId, 'm.room.name', { name: 'By bob' })
  const mine = await say(alice, roomId, 'mine')
  const room = (await sync(alice, { since })).rooms.join[roomId]
  expect(room?.timeline.events.map((event) => event.event_id)).toEqual([named, mine])
})

test('unread messages are counted, until they are read', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  const first = await sync(alice)
  await say(bob, roomId, 'A')
  const last = await say(bob, roomId, 'B @alice', { 'm.mentions': { user_ids: [alice.userId] } })
  const second = await sync(alice, { since: first.next_batch })
  expect(second.rooms.join[roomId]?.unread_notifications).toEqual({ notification_count: 2, highlight_count: 1 })
  await ok(alice, 'POST', `${v3}/rooms/${roomId}/receipt/m.read/${encodeURIComponent(last)}`, {})
  const third = await sync(alice, { since: second.next_batch })
  expect(third.rooms.join[roomId]?.unread_notifications).toEqual({ notification_count: 0, highlight_count: 0 })
})

test('typing and receipts come as ephemeral events, to members alone', async () => {
  const { alice, bob, carol } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  const id = await say(alice, roomId, 'A')
  const [ofAlice, ofCarol] = [await sync(alice), await sync(carol)]
  await ok(bob, 'PUT', `${v3}/rooms/${roomId}/typing/${bob.userId}`, { typing: true, timeout: 20_000 })
  await ok(bob, 'POST', `${v3}/rooms/${roomId}/receipt/m.read/${encodeURIComponent(id)}`, {})
  const { rooms, next_batch: since } = await sync(alice, { since: ofAlice.next_batch })
  const ephemeral = rooms.join[roomId]?.ephemeral.events ?? []
  expect(ephemeral.find(({ type }) => type === 'm.typing')?.content).toEqual({ user_ids: [bob.userId] })
  expect(Object.keys(ephemeral.find(({ type }) => type === 'm.receipt')?.content[id]['m.read'])).toEqual([bob.userId])
  expect(rooms.join[roomId]?.timeline.events).toEqual([])
  await ok(bob, 'PUT', `${v3}/rooms/${roomId}/typing/${bob.userId}`, { typing: false })
  const stopped = (await sync(alice, { since })).rooms.join[roomId]?.ephemeral.events
  expect(stopped).toMatchObject([{ type: 'm.typing', content: { user_ids: [] } }])
  expect((await sync(carol, { since: ofCarol.next_batch })).rooms.join).toEqual({})
})

test('tokens that are not of this server are refused', async () => {
  const { alice } = await cast()
  const { next_batch: now } = await sync(alice)
  const later = `s${Number(now.slice(1)) + 1}`
  for (const since of [later, 's-1', 'nonsense', '', 's1.5'])
    expect(await refused(alice, 'GET', syncPath({ since })), since).toEqual([400, 'M_INVALID_PARAM'])
})

test('syncs after a restart go on from the token before it', async () => {
  const { server, alice } = await cast()
  const roomId = await createRoom(alice)
  const { next_batch: since } = await sync(alice)
  const id = await say(alice, roomId, 'A')
  await server.restart()
  const answer = await sync(alice, { since })
  expect(answer.rooms.join[roomId]?.timeline.events.map((event) => event.event_id)).toEqual([id])
  const again = await say(alice, roomId, 'B')
  expect((await sync(alice, { since: answer.next_batch })).rooms.join[roomId]?.timeline.events[0]?.event_id).toBe(again)
  expect((await history(alice, roomId)).slice(-2).map((event) => event.event_id)).toEqual([id, again])
})
