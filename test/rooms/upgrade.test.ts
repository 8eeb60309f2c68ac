import { describe, expect, test } from 'vitest'
import type { TestUser } from '../support/world.ts'
import { joinVia, pair } from './federation-kit.ts'
import { cast, createRoom, history, join, membershipOf, ok, refused, say, setState, stateOf, v3 } from './kit.ts'

const upgradePath = (roomId: string) => `${v3}/rooms/${encodeURIComponent(roomId)}/upgrade`

async function upgrade(user: TestUser, roomId: string, version: string, more: object = {}): Promise<string> {
  return (await ok(user, 'POST', upgradePath(roomId), { new_version: version, ...more })).replacement_room
}

/** Undefined: the room has no such state. */
async function contentOf(user: TestUser, roomId: string, type: string, stateKey = '') {
  const answer = await user.request('GET', `${v3}/rooms/${roomId}/state/${type}/${encodeURIComponent(stateKey)}`)
  return answer.status === 404 ? undefined : answer.body
}

describe('an upgrade', () => {
  test.each([
    ['1', '6'],
    ['6', '11'],
    ['9', '10'],
    ['11', '12'],
    ['12', '12'],
    ['12', '11'],
  ])('from version %s to %s joins the two rooms to each other, and hands over what the room is', async (from, to) => {
    const { alice, bob } = await cast()
    const old = await createRoom(alice, { preset: 'public_chat', room_version: from, name: 'Practice', topic: 'All of us' })
    await join(bob, old)
    const transferable = {
      'm.room.server_acl': { allow: ['*'], deny: ['evil.test'], allow_ip_literals: false },
      'm.room.avatar': { url: 'mxc://a.test/face' },
      'm.room.history_visibility': { history_visibility: 'joined' },
      'm.room.guest_access': { guest_access: 'can_join' },
      'm.room.encryption': { algorithm: 'm.megolm.v1.aes-sha2' },
    }
    for (const [type, content] of Object.entries(transferable)) await setState(alice, old, type, content)
    await setState(alice, old, 'org.example.own', { secret: true })
    const made = await upgrade(alice, old, to)
    const end = (await history(alice, old)).find((event) => event.type === 'm.room.tombstone')
    expect(end).toMatchObject({ sender: alice.userId, content: { replacement_room: made, body: expect.any(String) } })
    const creation = await stateOf(alice, made, 'm.room.create')
    expect(creation).toMatchObject({ room_version: to, predecessor: { room_id: old } })
    expect(creation.predecessor.event_id).toBe(to === '12' ? undefined : end?.event_id)
    expect(creation.type).toBeUndefined()
    for (const [type, content] of Object.entries(transferable)) expect(await stateOf(alice, made, type)).toEqual(content)
    expect(await stateOf(alice, made, 'm.room.name')).toEqual({ name: 'Practice' })
    expect(await stateOf(alice, made, 'm.room.topic')).toMatchObject({ topic: 'All of us' })
    expect(await stateOf(alice, made, 'm.room.join_rules')).toEqual({ join_rule: 'public' })
    expect(await contentOf(alice, made, 'org.example.own')).toBeUndefined()
    expect(await contentOf(alice, made, 'm.room.member', bob.userId)).toBeUndefined()
    await join(bob, made)
    await say(bob, made, 'here we are')
  })

  test('closes the old room to ordinary people', async () => {
    const { alice, bob, carol } = await cast()
    const old = await createRoom(alice, { preset: 'public_chat', room_version: '11' })
    await join(bob, old)
    const before = await stateOf(alice, old, 'm.room.power_levels')
    await upgrade(alice, old, '11')
    expect(await stateOf(alice, old, 'm.room.power_levels')).toEqual({ ...before, events_default: 50, invite: 50 })
    expect(await refused(bob, 'PUT', `${v3}/rooms/${old}/send/m.room.message/x`, { body: 'x' })).toEqual([403, 'M_FORBIDDEN'])
    expect(await refused(bob, 'POST', `${v3}/rooms/${old}/invite`, { user_id: carol.userId })).toEqual([403, 'M_FORBIDDEN'])
    await say(alice, old, 'go on')
  })

  test('closes a room in which everybody stands high', async () => {
    const { alice } = await cast()
    const levels = { users: { '@alice:a.test': 100 }, users_default: 70, events_default: 70, invite: 90 }
    const old = await createRoom(alice, { preset: 'public_chat', room_version: '11', power_level_content_override: levels })
    await upgrade(alice, old, '11')
    expect(await stateOf(alice, old, 'm.room.power_levels')).toMatchObject({ events_default: 71, invite: 90 })
  })

  test('moves the names, and the place in the public list', async () => {
    const { alice, bob } = await cast()
    const old = await createRoom(alice, { visibility: 'public', room_version: '11', room_alias_name: 'practice' })
    await ok(alice, 'PUT', `${v3}/directory/room/${encodeURIComponent('#other:a.test')}`, { room_id: old })
    await setState(alice, old, 'm.room.canonical_alias', { alias: '#practice:a.test', alt_aliases: ['#other:a.test'] })
    const made = await upgrade(alice, old, '12')
    for (const alias of ['#practice:a.test', '#other:a.test'])
      expect((await ok(bob, 'GET', `${v3}/directory/room/${encodeURIComponent(alias)}`)).room_id).toBe(made)
    expect(await stateOf(alice, made, 'm.room.canonical_alias')).toEqual({
      alias: '#practice:a.test',
      alt_aliases: ['#other:a.test'],
    })
    expect(await stateOf(alice, old, 'm.room.canonical_alias')).toEqual({})
    const { chunk } = await ok(bob, 'GET', `${v3}/publicRooms`)
    expect(chunk.map((room: { room_id: string }) => room.room_id)).toEqual([made])
    // Whoever made a name may still delete it.
    await ok(alice, 'DELETE', `${v3}/directory/room/${encodeURIComponent('#other:a.test')}`)
  })

  test('keeps out who was banned', async () => {
    const { alice, bob, carol } = await cast()
    const old = await createRoom(alice, { preset: 'public_chat', room_version: '11' })
    for (const user of [bob, carol]) await join(user, old)
    const levels = await stateOf(alice, old, 'm.room.power_levels')
    await setState(alice, old, 'm.room.power_levels', { ...levels, users: { ...levels.users, [bob.userId]: 99 } })
    await ok(alice, 'POST', `${v3}/rooms/${old}/ban`, { user_id: bob.userId, reason: 'rude' })
    for (const version of ['11', '12']) {
      const made = await upgrade(alice, old, version)
      expect(await stateOf(alice, made, 'm.room.member', bob.userId)).toMatchObject({ membership: 'ban', reason: 'rude' })
      expect(await refused(bob, 'POST', `${v3}/join/${encodeURIComponent(made)}`, {})).toEqual([403, 'M_FORBIDDEN'])
      await join(carol, made)
    }
  })

  test('keeps what a space contains, and that it is one', async () => {
    const { alice } = await cast()
    const old = await createRoom(alice, { room_version: '11', creation_content: { type: 'm.space', 'm.federate': false } })
    await setState(alice, old, 'm.space.child', { via: ['a.test'] }, '!child:a.test')
    await setState(alice, old, 'm.space.child', {}, '!former:a.test')
    const made = await upgrade(alice, old, '12')
    expect(await stateOf(alice, made, 'm.room.create')).toMatchObject({ type: 'm.space', 'm.federate': false })
    expect(await stateOf(alice, made, 'm.space.child', '!child:a.test')).toEqual({ via: ['a.test'] })
    expect(await contentOf(alice, made, 'm.space.child', '!former:a.test')).toBeUndefined()
  })

  test('to a version without the join rule lets in those who are invited', async () => {
    const { alice, bob } = await cast()
    const old = await createRoom(alice, { room_version: '11' })
    await setState(alice, old, 'm.room.join_rules', { join_rule: 'knock_restricted', allow: [] })
    expect(await stateOf(alice, await upgrade(alice, old, '9'), 'm.room.join_rules')).toEqual({ join_rule: 'invite' })
    const made = await upgrade(alice, old, '10')
    expect(await stateOf(alice, made, 'm.room.join_rules')).toEqual({ join_rule: 'knock_restricted', allow: [] })
    await ok(alice, 'POST', `${v3}/rooms/${made}/invite`, { user_id: bob.userId })
    await join(bob, made)
  })

  test('is refused to who may not end the room, for versions that there are not, and outside of the room', async () => {
    const { alice, bob, carol } = await cast()
    const old = await createRoom(alice)
    await join(bob, old)
    const forbidden = [403, 'M_FORBIDDEN']
    expect(await refused(bob, 'POST', upgradePath(old), { new_version: '12' })).toEqual(forbidden)
    expect(await refused(carol, 'POST', upgradePath(old), { new_version: '12' })).toEqual(forbidden)
    expect(await refused(alice, 'POST', upgradePath('!nowhere:a.test'), { new_version: '12' })).toEqual(forbidden)
    const unsupported = [400, 'M_UNSUPPORTED_ROOM_VERSION']
    expect(await refused(alice, 'POST', upgradePath(old), { new_version: '12.5' })).toEqual(unsupported)
    expect(await refused(alice, 'POST', upgradePath(old), {})).toEqual([400, 'M_BAD_JSON'])
    const named = { new_version: '12', additional_creators: ['bob'] }
    expect(await refused(alice, 'POST', upgradePath(old), named)).toEqual([400, 'M_INVALID_PARAM'])
    expect(await contentOf(alice, old, 'm.room.tombstone')).toBeUndefined()
  })
})

describe('power levels of the new room', () => {
  /** An upgrade by somebody; `levels` are set before. */
  async function upgraded(from: string, to: string, levels: (users: Record<string, string>) => object, more: object = {}) {
    const { alice, bob, carol } = await cast()
    const old = await createRoom(alice, { preset: 'public_chat', room_version: from })
    for (const user of [bob, carol]) await join(user, old)
    const names = { alice: alice.userId, bob: bob.userId, carol: carol.userId }
    await setState(alice, old, 'm.room.power_levels', levels(names))
    const made = await upgrade(bob, old, to, more)
    return {
      made,
      names,
      levels: await stateOf(bob, made, 'm.room.power_levels'),
      bob,
      creation: await stateOf(bob, made, 'm.room.create'),
    }
  }

  test('are those of the old one, also for a maker who stands lower than some state asks for', async () => {
    const wanted = (names: Record<string, string>) => ({
      users: { [names.alice ?? '']: 100, [names.bob ?? '']: 60 },
      events: { 'm.room.tombstone': 60, 'm.room.name': 80 },
      notifications: { room: 20 },
    })
    const { levels, names } = await upgraded('11', '11', wanted)
    expect(levels).toEqual(wanted(names))
  })

  test('do not name creators of version 12', async () => {
    const { levels, names, creation } = await upgraded('11', '12', (names) => ({
      users: { [names.alice ?? '']: 100, [names.bob ?? '']: 100, [names.carol ?? '']: 50 },
    }))
    expect(levels.users).toEqual({ [names.alice ?? '']: 100, [names.carol ?? '']: 50 })
    expect(levels.events['m.room.tombstone']).toBe(150)
    expect(creation.additional_creators).toBeUndefined()
  })

  test('nor those named besides, who are not taken over from the old room', async () => {
    const more = { additional_creators: ['@carol:a.test', '@carol:a.test', '@bob:a.test'] }
    const old = (names: Record<string, string>) => ({ users: { [names.bob ?? '']: 150, [names.carol ?? '']: 50 } })
    const { levels, creation } = await upgraded('12', '12', old, more)
    expect(levels.users).toEqual({})
    expect(creation.additional_creators).toEqual(['@carol:a.test'])
  })

  test('give creators the highest one where nobody stands above all', async () => {
    const old = (names: Record<string, string>) => ({ users: { [names.bob ?? '']: 150 }, events: { 'm.room.tombstone': 150 } })
    const { levels, names, creation } = await upgraded('12', '11', old, { additional_creators: ['@carol:a.test'] })
    expect(levels.users).toEqual({ [names.alice ?? '']: 150, [names.bob ?? '']: 150 })
    expect(creation.additional_creators).toBeUndefined()
  })

  test('are numbers where they were texts', async () => {
    const old = (names: Record<string, string>) => ({
      users: { [names.alice ?? '']: '100', [names.bob ?? '']: ' 100 ' },
      users_default: '5',
      events: { 'm.room.name': '70', 'm.room.topic': 'none' },
    })
    const { levels, names } = await upgraded('9', '10', old)
    expect(levels).toEqual({
      users: { [names.alice ?? '']: 100, [names.bob ?? '']: 100 },
      users_default: 5,
      events: { 'm.room.name': 70 },
    })
  })
})

describe('settings of users', () => {
  const rulePath = (kind: string, roomId: string) => `${v3}/pushrules/global/${kind}/${encodeURIComponent(roomId)}`
  const dataPath = (user: TestUser, rest: string) => `${v3}/user/${encodeURIComponent(user.userId)}/${rest}`

  async function setUp(user: TestUser, roomId: string): Promise<void> {
    await ok(user, 'PUT', rulePath('room', roomId), { actions: [] })
    const conditions = [{ kind: 'event_match', key: 'room_id', pattern: roomId }]
    await ok(user, 'PUT', rulePath('override', roomId), { actions: ['notify'], conditions })
    await ok(user, 'PUT', `${rulePath('override', roomId)}/enabled`, { enabled: false })
    await ok(user, 'PUT', dataPath(user, `rooms/${encodeURIComponent(roomId)}/tags/m.favourite`), { order: 0.5 })
    await ok(user, 'PUT', dataPath(user, 'account_data/m.direct'), { '@x:a.test': ['!y:a.test', roomId], '@z:a.test': [] })
  }

  async function expectFollowed(user: TestUser, roomId: string): Promise<void> {
    expect(await ok(user, 'GET', rulePath('room', roomId))).toMatchObject({ rule_id: roomId, actions: [], enabled: true })
    expect(await ok(user, 'GET', rulePath('override', roomId))).toMatchObject({
      rule_id: roomId,
      enabled: false,
      conditions: [{ kind: 'event_match', key: 'room_id', pattern: roomId }],
    })
    const { tags } = await ok(user, 'GET', dataPath(user, `rooms/${encodeURIComponent(roomId)}/tags`))
    expect(tags).toEqual({ 'm.favourite': { order: 0.5 } })
    const direct = await ok(user, 'GET', dataPath(user, 'account_data/m.direct'))
    expect(direct['@x:a.test']).toContain(roomId)
    expect(direct['@z:a.test']).toEqual([])
  }

  test('follow to the new room, of the maker at once, of others when they join', async () => {
    const { alice, bob } = await cast()
    const old = await createRoom(alice, { preset: 'public_chat', room_version: '11' })
    await join(bob, old)
    for (const user of [alice, bob]) await setUp(user, old)
    const made = await upgrade(alice, old, '12')
    await expectFollowed(alice, made)
    expect((await bob.request('GET', rulePath('room', made))).status).toBe(404)
    await join(bob, made)
    await expectFollowed(bob, made)
  })

  test('follow also where a client makes the new room, and what is set there already stays', async () => {
    const { alice, bob } = await cast()
    const old = await createRoom(alice, { preset: 'public_chat', room_version: '11' })
    await join(bob, old)
    for (const user of [alice, bob]) await setUp(user, old)
    const made = await createRoom(alice, { preset: 'public_chat', creation_content: { predecessor: { room_id: old } } })
    await expectFollowed(alice, made)
    await ok(bob, 'PUT', rulePath('room', made), { actions: ['notify'] })
    await join(bob, made)
    expect((await ok(bob, 'GET', rulePath('room', made))).actions).toEqual(['notify'])
    expect((await ok(bob, 'GET', rulePath('room', old))).actions).toEqual([])
  })

  test('of those who were never in the old room are their own', async () => {
    const { alice, bob } = await cast()
    const old = await createRoom(alice, { preset: 'public_chat' })
    await ok(bob, 'PUT', rulePath('room', old), { actions: [] })
    const made = await upgrade(alice, old, '12')
    await join(bob, made)
    expect((await bob.request('GET', rulePath('room', made))).status).toBe(404)
  })
})

test('people of another server follow an upgrade', async () => {
  const { world, alice, bob } = await pair()
  const old = await createRoom(alice, { preset: 'public_chat', room_version: '11' })
  await joinVia(bob, old, 'a.test')
  await world.settled()
  await ok(bob, 'PUT', `${v3}/pushrules/global/room/${encodeURIComponent(old)}`, { actions: [] })
  const made = await upgrade(alice, old, '12')
  await world.settled()
  expect(await stateOf(bob, old, 'm.room.tombstone')).toMatchObject({ replacement_room: made })
  await joinVia(bob, made, 'a.test')
  await world.settled()
  expect(await membershipOf(alice, made, bob)).toBe('join')
  expect(await ok(bob, 'GET', `${v3}/pushrules/global/room/${encodeURIComponent(made)}`)).toMatchObject({ actions: [] })
})
