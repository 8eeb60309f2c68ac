import { expect, test } from 'vitest'
import { act, cast, createRoom, history, join, leave, ok, refused, say, seen, setState, stateOf, v3 } from './kit.ts'

/** A private room in which something is said before and after bob is invited, joins and leaves. */
async function story(visibility: string) {
  const people = await cast()
  const { alice, bob, carol } = people
  const roomId = await createRoom(alice, {
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: visibility } }],
  })
  await say(alice, roomId, 'before the invitation')
  await act(alice, 'invite', roomId, bob)
  await say(alice, roomId, 'after the invitation')
  await join(bob, roomId)
  await say(alice, roomId, 'while joined')
  const whileJoined = await seen(bob, roomId)
  await leave(bob, roomId)
  const last = await say(alice, roomId, 'after leaving')
  return { ...people, roomId, whileJoined, afterLeaving: await seen(bob, roomId), stranger: carol, last }
}

const [before, invited, joined, after] = ['before the invitation', 'after the invitation', 'while joined', 'after leaving']

test.each([
  ['shared', [before, invited, joined], [before, invited, joined]],
  ['invited', [invited, joined], [invited, joined]],
  ['joined', [joined], [joined]],
  ['world_readable', [before, invited, joined], [before, invited, joined, after]],
])('%s: what somebody sees who joined, and then left', async (visibility, whileJoined, afterLeaving) => {
  const room = await story(visibility)
  expect(room.whileJoined).toEqual(whileJoined)
  expect(room.afterLeaving).toEqual(afterLeaving)
  const event = await room.bob.request('GET', `${v3}/rooms/${room.roomId}/event/${encodeURIComponent(room.last)}`)
  const context = await room.bob.request('GET', `${v3}/rooms/${room.roomId}/context/${encodeURIComponent(room.last)}`)
  const open = visibility === 'world_readable'
  expect([event.status, context.status]).toEqual(open ? [200, 200] : [404, 404])
  if (open) expect(await seen(room.stranger, room.roomId)).toEqual([before, invited, joined, after])
  else {
    expect(await refused(room.stranger, 'GET', `${v3}/rooms/${room.roomId}/messages?dir=b`)).toEqual([403, 'M_FORBIDDEN'])
    expect(await refused(room.stranger, 'GET', `${v3}/rooms/${room.roomId}/state`)).toEqual([403, 'M_FORBIDDEN'])
  }
})

test('who left reads the state as it was then', async () => {
  const { alice, bob, carol } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  await setState(alice, roomId, 'm.room.name', { name: 'Then' })
  await leave(bob, roomId)
  await setState(alice, roomId, 'm.room.name', { name: 'Now' })
  await setState(alice, roomId, 'org.test', {})
  await join(carol, roomId)
  expect(await stateOf(bob, roomId, 'm.room.name')).toEqual({ name: 'Then' })
  expect(await refused(bob, 'GET', `${v3}/rooms/${roomId}/state/org.test`)).toEqual([404, 'M_NOT_FOUND'])
  const state = await ok(bob, 'GET', `${v3}/rooms/${roomId}/state`)
  expect(state.find((event: { type: string }) => event.type === 'm.room.name').content).toEqual({ name: 'Then' })
  const members = (await ok(bob, 'GET', `${v3}/rooms/${roomId}/members`)).chunk
  expect(
    members.map(({ state_key: key, content }: { state_key: string; content: { membership: string } }) => [
      key,
      content.membership,
    ]),
  ).toEqual([
    [alice.userId, 'join'],
    [bob.userId, 'leave'],
  ])
  const token = (await ok(alice, 'GET', `${v3}/rooms/${roomId}/messages?dir=b&limit=1`)).start
  expect((await ok(bob, 'GET', `${v3}/rooms/${roomId}/messages?dir=b&from=${token}&limit=1`)).chunk[0].state_key).toBe(bob.userId)
  expect(await refused(bob, 'PUT', `${v3}/rooms/${roomId}/send/m.room.message/1`, {})).toEqual([403, 'M_FORBIDDEN'])
})

test('who was kicked or banned reads up to then; who only was invited reads nothing', async () => {
  const { alice, bob, carol } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  await say(alice, roomId, 'A')
  await act(alice, 'ban', roomId, bob)
  await say(alice, roomId, 'B')
  expect(await seen(bob, roomId)).toEqual(['A'])
  expect((await history(bob, roomId)).at(-1)?.content.membership).toBe('ban')
  await act(alice, 'invite', roomId, carol)
  expect(await refused(carol, 'GET', `${v3}/rooms/${roomId}/state`)).toEqual([403, 'M_FORBIDDEN'])
  await leave(carol, roomId)
  expect(await refused(carol, 'GET', `${v3}/rooms/${roomId}/messages?dir=b`)).toEqual([403, 'M_FORBIDDEN'])
})

test('a change of visibility holds from then on', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice)
  await say(alice, roomId, 'shared')
  await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
  await say(alice, roomId, 'joined')
  await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'shared' })
  await say(alice, roomId, 'shared again')
  await join(bob, roomId)
  expect(await seen(bob, roomId)).toEqual(['shared', 'shared again'])
})

test('who comes back sees what was said meanwhile where history is shared', async () => {
  for (const [visibility, expected] of [
    ['shared', ['in', 'out', 'in again']],
    ['joined', ['in', 'in again']],
  ] as const) {
    const { alice, bob } = await cast()
    const roomId = await createRoom(alice, {
      preset: 'public_chat',
      initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: visibility } }],
    })
    await join(bob, roomId)
    await say(alice, roomId, 'in')
    await leave(bob, roomId)
    await say(alice, roomId, 'out')
    await join(bob, roomId)
    await say(alice, roomId, 'in again')
    expect(await seen(bob, roomId), visibility).toEqual(expected)
  }
})

test('unsigned.membership tells what the reader was at each event', async () => {
  const { bob, roomId } = await story('shared')
  const memberships = (await history(bob, roomId)).slice(-5).map((event) => event.unsigned.membership)
  expect(memberships).toEqual(['invite', 'invite', 'join', 'join', 'leave'])
})
