import { expect, test } from 'vitest'
import { cast, createRoom, history, join, membershipOf, ok, type RoomEvent, refused, stateOf, v3 } from './kit.ts'

const versions = ['3', '6', '9', '10', '11', '12']

test.each(versions)('version %s: a room has all that was asked for', async (version) => {
  const { alice, bob, carol } = await cast()
  const roomId = await createRoom(alice, {
    room_version: version,
    visibility: 'public',
    preset: 'public_chat',
    room_alias_name: 'practice',
    name: 'Practice',
    topic: 'Daily business',
    invite: [bob.userId, carol.userId, bob.userId],
    is_direct: true,
    creation_content: { 'm.federate': false, type: 'org.test.room', room_version: '1', creator: '@eve:a.test' },
    initial_state: [
      { type: 'm.room.name', content: { name: 'Overruled' } },
      { type: 'org.test.state', state_key: 'key', content: { n: 1 } },
      { type: 'm.room.history_visibility', content: { history_visibility: 'invited' } },
    ],
    power_level_content_override: { events_default: 10, invite: 20 },
  })
  const state: RoomEvent[] = await ok(alice, 'GET', `${v3}/rooms/${roomId}/state`)
  const content = (type: string, key = '') => state.find((event) => event.type === type && event.state_key === key)?.content
  expect(content('m.room.create')).toEqual({
    'm.federate': false,
    type: 'org.test.room',
    room_version: version,
    ...(['11', '12'].includes(version) ? {} : { creator: alice.userId }),
  })
  expect(content('m.room.member', alice.userId)).toMatchObject({ membership: 'join' })
  for (const { userId } of [bob, carol])
    expect(content('m.room.member', userId)).toMatchObject({ membership: 'invite', is_direct: true })
  expect(content('m.room.power_levels')).toMatchObject({
    users: version === '12' ? {} : { [alice.userId]: 100 },
    events_default: 10,
    invite: 20,
    state_default: 50,
  })
  expect(content('m.room.join_rules')).toEqual({ join_rule: 'public' })
  expect(content('m.room.guest_access')).toBeUndefined()
  expect(content('m.room.history_visibility')).toEqual({ history_visibility: 'invited' })
  expect(content('m.room.canonical_alias')).toEqual({ alias: '#practice:a.test' })
  expect(content('org.test.state', 'key')).toEqual({ n: 1 })
  expect(content('m.room.name')).toEqual({ name: 'Practice' })
  expect(content('m.room.topic')).toMatchObject({ topic: 'Daily business' })
  expect(await ok(bob, 'GET', `${v3}/directory/room/${encodeURIComponent('#practice:a.test')}`)).toMatchObject({
    room_id: roomId,
  })
  expect(await ok(bob, 'GET', `${v3}/directory/list/room/${roomId}`)).toEqual({ visibility: 'public' })
  if (version === '12') {
    expect(roomId).toBe(state.find((event) => event.type === 'm.room.create')?.event_id.replace('$', '!'))
  } else expect(roomId).toMatch(/^![A-Za-z]{18}:a\.test$/)
  const types = (await history(alice, roomId)).map((event) => event.type)
  expect(types.slice(0, 3)).toEqual(['m.room.create', 'm.room.member', 'm.room.power_levels'])
  expect(types.slice(-2)).toEqual(['m.room.member', 'm.room.member'])
  expect(new Set(state.map(({ type, state_key: key }) => `${type} ${key}`)).size).toBe(state.length)
})

test.each([
  ['private_chat', 'invite', 'can_join'],
  ['trusted_private_chat', 'invite', 'can_join'],
  ['public_chat', 'public', 'forbidden'],
])('preset %s', async (preset, joinRule, guestAccess) => {
  const { alice, bob } = await cast()
  for (const version of ['11', '12']) {
    const roomId = await createRoom(alice, { preset, room_version: version, invite: [bob.userId] })
    expect(await stateOf(alice, roomId, 'm.room.join_rules')).toEqual({ join_rule: joinRule })
    const guests = await alice.request('GET', `${v3}/rooms/${roomId}/state/m.room.guest_access/`)
    // Guests are kept out where nothing is said about them.
    expect(guests.status === 404 ? 'forbidden' : guests.body.guest_access).toBe(guestAccess)
    expect(await stateOf(alice, roomId, 'm.room.history_visibility')).toEqual({ history_visibility: 'shared' })
    const { users } = await stateOf(alice, roomId, 'm.room.power_levels')
    const create = await stateOf(alice, roomId, 'm.room.create')
    const trusted = preset === 'trusted_private_chat'
    if (version === '11') expect(users[bob.userId]).toBe(trusted ? 100 : undefined)
    else expect(create.additional_creators).toEqual(trusted ? [bob.userId] : undefined)
    await join(bob, roomId)
    const mayPromote = await bob.request('PUT', `${v3}/rooms/${roomId}/state/m.room.topic/`, { topic: 'T' })
    expect(mayPromote.status).toBe(trusted ? 200 : 403)
  }
})

test('without a preset the visibility decides', async () => {
  const { alice } = await cast()
  const rule = async (wish: object) => (await stateOf(alice, await createRoom(alice, wish), 'm.room.join_rules')).join_rule
  expect(await rule({})).toBe('invite')
  expect(await rule({ visibility: 'private' })).toBe('invite')
  expect(await rule({ visibility: 'public' })).toBe('public')
})

test('private rooms are encrypted where the owner wants it so', async () => {
  const { alice } = await cast({ HAUSBOTE_ENCRYPT_NEW_ROOMS: 'on' })
  const encryption = async (wish: object) =>
    (await alice.request('GET', `${v3}/rooms/${await createRoom(alice, wish)}/state/m.room.encryption/`)).status
  expect(await encryption({})).toBe(200)
  expect(await encryption({ preset: 'trusted_private_chat' })).toBe(200)
  expect(await encryption({ preset: 'public_chat' })).toBe(404)
  expect(await encryption({ creation_content: { type: 'm.space' } })).toBe(404)
})

test('version 12: several creators stand above all levels', async () => {
  const { alice, bob, carol } = await cast()
  const roomId = await createRoom(alice, {
    room_version: '12',
    invite: [bob.userId, carol.userId],
    creation_content: { additional_creators: [bob.userId] },
    power_level_content_override: { users: { [carol.userId]: 100 } },
  })
  expect((await stateOf(alice, roomId, 'm.room.create')).additional_creators).toEqual([bob.userId])
  await join(bob, roomId)
  await join(carol, roomId)
  const kick = `${v3}/rooms/${roomId}/kick`
  expect(await refused(carol, 'POST', kick, { user_id: bob.userId })).toEqual([403, 'M_FORBIDDEN'])
  expect(await refused(alice, 'POST', kick, { user_id: bob.userId })).toEqual([403, 'M_FORBIDDEN'])
  await ok(bob, 'POST', kick, { user_id: carol.userId })
  const levels = { ...(await stateOf(alice, roomId, 'm.room.power_levels')), users: { [bob.userId]: 50 } }
  expect((await alice.request('PUT', `${v3}/rooms/${roomId}/state/m.room.power_levels/`, levels)).status).toBe(400)
})

test.each([
  ['a creator among the levels', { power_level_content_override: { users: { '@alice:a.test': 100 } } }, 400, 'M_BAD_JSON'],
  [
    'another creator among the levels',
    {
      creation_content: { additional_creators: ['@bob:a.test'] },
      power_level_content_override: { users: { '@bob:a.test': 100 } },
    },
    400,
    'M_BAD_JSON',
  ],
  ['creators that are no users', { creation_content: { additional_creators: ['bob'] } }, 400, 'M_BAD_JSON'],
  ['creators that are no list', { creation_content: { additional_creators: '@bob:a.test' } }, 400, 'M_BAD_JSON'],
  [
    'the same in a trusted chat',
    { preset: 'trusted_private_chat', invite: ['@bob:a.test'], creation_content: { additional_creators: 5 } },
    400,
    'M_BAD_JSON',
  ],
  ['a version that does not exist', { room_version: '99' }, 400, 'M_UNSUPPORTED_ROOM_VERSION'],
  ['somebody who does not exist', { invite: ['@nobody:a.test'] }, 400, 'M_INVALID_PARAM'],
  ['an invitation of nonsense', { invite: ['bob'] }, 400, 'M_INVALID_PARAM'],
  ['an alias with a colon', { room_alias_name: 'a:b' }, 400, 'M_INVALID_PARAM'],
  ['a preset that does not exist', { preset: 'other' }, 400, 'M_BAD_JSON'],
  ['a huge name', { name: 'x'.repeat(65_537) }, 400, 'M_BAD_JSON'],
  ['a name too large for an event', { name: 'x'.repeat(65_500) }, 413, 'M_TOO_LARGE'],
  ['a float', { initial_state: [{ type: 'org.test', content: { n: 1.5 } }] }, 400, 'M_BAD_JSON'],
  [
    'state that the rules refuse',
    { initial_state: [{ type: 'm.room.member', state_key: '@bob:a.test', content: {} }] },
    400,
    'M_BAD_JSON',
  ],
])('%s is refused, and leaves no room behind', async (_name, wish, status, errcode) => {
  const { alice } = await cast()
  expect(await refused(alice, 'POST', `${v3}/createRoom`, wish)).toEqual([status, errcode])
  expect(await ok(alice, 'GET', `${v3}/joined_rooms`)).toEqual({ joined_rooms: [] })
})

test('an alias leads to one room', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice, { preset: 'public_chat', room_alias_name: 'practice' })
  expect(await refused(bob, 'POST', `${v3}/createRoom`, { room_alias_name: 'practice' })).toEqual([400, 'M_ROOM_IN_USE'])
  await join(bob, '#practice:a.test')
  expect(await membershipOf(alice, roomId, bob)).toBe('join')
  expect(await ok(bob, 'GET', `${v3}/rooms/${roomId}/aliases`)).toEqual({ aliases: ['#practice:a.test'] })
})
