import { expect, test } from 'vitest'
import type { TestUser } from '../support/world.ts'
import {
  act,
  cast,
  createRoom,
  join,
  leave,
  membershipOf,
  ok,
  type RoomEvent,
  refused,
  say,
  setState,
  stateOf,
  v3,
} from './kit.ts'

test('an invitation is needed, accepted, and rejected', async () => {
  const { alice, bob, carol } = await cast()
  const roomId = await createRoom(alice, {})
  expect(await refused(bob, 'POST', `${v3}/join/${roomId}`, {})).toEqual([403, 'M_FORBIDDEN'])
  await ok(alice, 'POST', `${v3}/rooms/${roomId}/invite`, { user_id: bob.userId, reason: 'Welcome' })
  expect(await stateOf(alice, roomId, 'm.room.member', bob.userId)).toMatchObject({ membership: 'invite', reason: 'Welcome' })
  await ok(bob, 'POST', `${v3}/rooms/${roomId}/join`, { reason: 'Thanks' })
  expect(await stateOf(alice, roomId, 'm.room.member', bob.userId)).toMatchObject({ membership: 'join', reason: 'Thanks' })
  expect((await act(bob, 'invite', roomId, carol)).status).toBe(200)
  await leave(carol, roomId)
  expect(await membershipOf(alice, roomId, carol)).toBe('leave')
  expect(await refused(carol, 'POST', `${v3}/join/${roomId}`, {})).toEqual([403, 'M_FORBIDDEN'])
})

test('invitations are refused of members, of banned people, of nobody, and by strangers', async () => {
  const { alice, bob, carol } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  expect((await act(alice, 'invite', roomId, bob)).status).toBe(403)
  expect((await act(carol, 'invite', roomId, bob)).status).toBe(403)
  await act(alice, 'ban', roomId, carol)
  expect((await act(alice, 'invite', roomId, carol)).status).toBe(403)
  const invite = `${v3}/rooms/${roomId}/invite`
  expect(await refused(alice, 'POST', invite, { user_id: '@nobody:a.test' })).toEqual([404, 'M_NOT_FOUND'])
  expect(await refused(alice, 'POST', invite, { user_id: 'carol' })).toEqual([400, 'M_BAD_JSON'])
  expect(await refused(alice, 'POST', invite, {})).toEqual([400, 'M_BAD_JSON'])
})

test('joining twice changes nothing', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice)
  const membershipEvent = async () => {
    const state: RoomEvent[] = await ok(alice, 'GET', `${v3}/rooms/${roomId}/state`)
    return state.find((event) => event.state_key === bob.userId)?.event_id
  }
  await join(bob, roomId)
  const before = await membershipEvent()
  await join(bob, roomId)
  await ok(bob, 'POST', `${v3}/rooms/${roomId}/join`)
  expect(await membershipEvent()).toBe(before)
})

test('rooms that do not exist cannot be told from those of others', async () => {
  const { alice, bob } = await cast()
  const hidden = await createRoom(alice, {})
  for (const roomId of [hidden, '!nothing:a.test']) {
    const room = `${v3}/rooms/${encodeURIComponent(roomId)}`
    for (const path of ['state', 'members', 'joined_members', 'messages?dir=b', 'state/m.room.name/'])
      expect(await refused(bob, 'GET', `${room}/${path}`), path).toEqual([403, 'M_FORBIDDEN'])
    expect(await refused(bob, 'PUT', `${room}/send/m.room.message/1`, {})).toEqual([403, 'M_FORBIDDEN'])
    expect(await refused(bob, 'POST', `${room}/leave`, {})).toEqual([403, 'M_FORBIDDEN'])
    expect(await refused(bob, 'POST', `${room}/kick`, { user_id: alice.userId })).toEqual([403, 'M_FORBIDDEN'])
    expect(await refused(bob, 'GET', `${room}/event/$nothing`)).toEqual([404, 'M_NOT_FOUND'])
  }
  expect(await refused(bob, 'POST', `${v3}/join/${encodeURIComponent('#nothing:a.test')}`, {})).toEqual([404, 'M_NOT_FOUND'])
})

test('kick, ban and unban need the level for it', async () => {
  const { alice, bob, carol } = await cast()
  const roomId = await createRoom(alice)
  for (const user of [bob, carol]) await join(user, roomId)
  for (const verb of ['kick', 'ban']) expect((await act(bob, verb, roomId, carol)).status, verb).toBe(403)
  expect((await act(alice, 'kick', roomId, carol)).status).toBe(200)
  expect(await stateOf(alice, roomId, 'm.room.member', carol.userId)).toEqual({ membership: 'leave' })
  expect((await act(alice, 'kick', roomId, carol)).status).toBe(403)
  await join(carol, roomId)
  await ok(alice, 'POST', `${v3}/rooms/${roomId}/ban`, { user_id: carol.userId, reason: 'Spam' })
  expect(await stateOf(alice, roomId, 'm.room.member', carol.userId)).toEqual({ membership: 'ban', reason: 'Spam' })
  expect(await refused(carol, 'POST', `${v3}/join/${roomId}`, {})).toEqual([403, 'M_FORBIDDEN'])
  expect(await refused(carol, 'POST', `${v3}/rooms/${roomId}/leave`, {})).toEqual([403, 'M_FORBIDDEN'])
  expect((await act(alice, 'kick', roomId, carol)).status).toBe(403)
  expect((await act(bob, 'unban', roomId, carol)).status).toBe(403)
  expect((await act(alice, 'unban', roomId, carol)).status).toBe(200)
  expect((await act(alice, 'unban', roomId, carol)).status).toBe(403)
  await join(carol, roomId)
  expect(await membershipOf(alice, roomId, carol)).toBe('join')
})

test('nobody moderates those who stand as high', async () => {
  const { alice, bob, carol } = await cast()
  const roomId = await createRoom(alice, { preset: 'public_chat', room_version: '11' })
  for (const user of [bob, carol]) await join(user, roomId)
  const levels = await stateOf(alice, roomId, 'm.room.power_levels')
  const users = { ...levels.users, [bob.userId]: 50, [carol.userId]: 50 }
  await setState(alice, roomId, 'm.room.power_levels', { ...levels, users })
  expect((await act(bob, 'kick', roomId, carol)).status).toBe(403)
  expect((await act(bob, 'ban', roomId, alice)).status).toBe(403)
  expect((await act(alice, 'kick', roomId, carol)).status).toBe(200)
})

test('knocking: where the room allows it, answered by an invitation or a refusal', async () => {
  const { alice, bob, carol } = await cast()
  const initial_state = [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }]
  const roomId = await createRoom(alice, { initial_state, room_version: '11' })
  expect(await refused(bob, 'POST', `${v3}/join/${roomId}`, {})).toEqual([403, 'M_FORBIDDEN'])
  expect(await ok(bob, 'POST', `${v3}/knock/${roomId}`, { reason: 'Please' })).toEqual({ room_id: roomId })
  expect(await stateOf(alice, roomId, 'm.room.member', bob.userId)).toMatchObject({ membership: 'knock', reason: 'Please' })
  await ok(bob, 'POST', `${v3}/knock/${roomId}`, {})
  await act(alice, 'invite', roomId, bob)
  await join(bob, roomId)
  await ok(carol, 'POST', `${v3}/knock/${roomId}`, {})
  await act(alice, 'kick', roomId, carol)
  expect(await membershipOf(alice, roomId, carol)).toBe('leave')
  for (const other of [await createRoom(alice), await createRoom(alice, {}), await createRoom(alice, { room_version: '6' })])
    expect(await refused(carol, 'POST', `${v3}/knock/${other}`, {})).toEqual([403, 'M_FORBIDDEN'])
})

test.each(['8', '10', '12'])('version %s: a restricted room opens to members of the rooms that it names', async (version) => {
  const { alice, bob, carol } = await cast()
  const practice = await createRoom(alice, {})
  await act(alice, 'invite', practice, bob)
  await join(bob, practice)
  const allow = [{ type: 'm.room_membership', room_id: practice }]
  const initial_state = [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }]
  const roomId = await createRoom(alice, { room_version: version, initial_state })
  expect(await refused(carol, 'POST', `${v3}/join/${roomId}`, {})).toEqual([403, 'M_FORBIDDEN'])
  await join(bob, roomId)
  expect((await stateOf(alice, roomId, 'm.room.member', bob.userId)).join_authorised_via_users_server).toBe(alice.userId)
  await act(alice, 'invite', roomId, carol)
  await join(carol, roomId)
  expect(await stateOf(alice, roomId, 'm.room.member', carol.userId)).not.toHaveProperty('join_authorised_via_users_server')
  // Who left the named room does not come in again.
  await leave(bob, roomId)
  await leave(bob, practice)
  expect(await refused(bob, 'POST', `${v3}/join/${roomId}`, {})).toEqual([403, 'M_FORBIDDEN'])
})

test('nobody left who may let others in: the join cannot be granted', async () => {
  const { alice, bob } = await cast()
  const practice = await createRoom(alice)
  await join(bob, practice)
  const allow = [{ type: 'm.room_membership', room_id: practice }]
  const roomId = await createRoom(alice, {
    room_version: '11',
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }],
    power_level_content_override: { invite: 101 },
  })
  expect(await refused(bob, 'POST', `${v3}/join/${roomId}`, {})).toEqual([400, 'M_UNABLE_TO_GRANT_JOIN'])
})

test('a room that was left can be forgotten, and is gone from what the user can read', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  await say(alice, roomId, 'Hello')
  const forget = (user: TestUser) => user.request('POST', `${v3}/rooms/${roomId}/forget`)
  expect([(await forget(bob)).status, (await forget(bob)).body.errcode]).toEqual([400, 'M_UNKNOWN'])
  await leave(bob, roomId)
  await ok(bob, 'GET', `${v3}/rooms/${roomId}/messages?dir=b`)
  expect((await forget(bob)).status).toBe(200)
  expect((await forget(bob)).status).toBe(200)
  expect(await refused(bob, 'GET', `${v3}/rooms/${roomId}/messages?dir=b`)).toEqual([403, 'M_FORBIDDEN'])
  expect(await refused(bob, 'GET', `${v3}/rooms/${roomId}/state`)).toEqual([403, 'M_FORBIDDEN'])
  await join(bob, roomId)
  expect((await ok(bob, 'GET', `${v3}/rooms/${roomId}/messages?dir=b`)).chunk.length).toBeGreaterThan(0)
})

test('joined rooms and joined members follow', async () => {
  const { alice, bob } = await cast()
  const [first, second] = [await createRoom(alice), await createRoom(alice)]
  await join(bob, second)
  expect(new Set((await ok(alice, 'GET', `${v3}/joined_rooms`)).joined_rooms)).toEqual(new Set([first, second]))
  expect(await ok(bob, 'GET', `${v3}/joined_rooms`)).toEqual({ joined_rooms: [second] })
  expect(Object.keys((await ok(bob, 'GET', `${v3}/rooms/${second}/joined_members`)).joined)).toEqual([alice.userId, bob.userId])
  await leave(bob, second)
  expect(await ok(bob, 'GET', `${v3}/joined_rooms`)).toEqual({ joined_rooms: [] })
  expect(Object.keys((await ok(alice, 'GET', `${v3}/rooms/${second}/joined_members`)).joined)).toEqual([alice.userId])
})
