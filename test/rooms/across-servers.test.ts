import { expect, test } from 'vitest'
import { expectAgreement, federatingServer, joinVia, pair, roomsOf } from './federation-kit.ts'
import { act, createRoom, history, leave, membershipOf, ok, refused, say, seen, setState, v3 } from './kit.ts'

const versions = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12']

test.each(versions)('somebody of another server joins a room of version %s, and both talk', async (version) => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice, { preset: 'public_chat', room_version: version })
  await say(alice, roomId, 'before')
  const joined = await joinVia(bob, roomId, 'a.test')
  expect(joined).toMatchObject({ status: 200, body: { room_id: roomId } })
  await world.settled()
  await say(alice, roomId, 'from alice')
  await world.settled()
  await say(bob, roomId, 'from bob')
  await world.settled()
  expect(await seen(alice, roomId)).toEqual(['before', 'from alice', 'from bob'])
  expect(await seen(bob, roomId)).toEqual(['before', 'from alice', 'from bob'])
  expect(await membershipOf(alice, roomId, bob)).toBe('join')
  await expectAgreement(roomId, [alice, bob])
})

test('an alias of another server leads into its room', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice, { preset: 'public_chat', room_alias_name: 'practice' })
  const joined = await bob.request('POST', `${v3}/join/${encodeURIComponent('#practice:a.test')}`, {})
  expect(joined).toMatchObject({ status: 200, body: { room_id: roomId } })
  await world.settled()
  await expectAgreement(roomId, [alice, bob])
})

test('an invitation to somebody of another server is shown with what the room is, and can be accepted', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice, { preset: 'private_chat', name: 'Findings', invite: [bob.userId] })
  const { invite } = await roomsOf(bob)
  const shown = Object.fromEntries(
    invite[roomId].invite_state.events.map((event: { type: string; content: object }) => [event.type, event.content]),
  )
  expect(shown).toMatchObject({
    'm.room.name': { name: 'Findings' },
    'm.room.join_rules': { join_rule: 'invite' },
    'm.room.member': { membership: 'invite' },
  })
  expect(await membershipOf(alice, roomId, bob)).toBe('invite')
  expect((await joinVia(bob, roomId, 'a.test')).status).toBe(200)
  await world.settled()
  await say(bob, roomId, 'here I am')
  await world.settled()
  expect(await seen(alice, roomId)).toEqual(['here I am'])
  await expectAgreement(roomId, [alice, bob])
})

test('an invitation from another server can be declined, again and again', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice, { preset: 'private_chat' })
  for (let round = 0; round < 3; round += 1) {
    expect((await act(alice, 'invite', roomId, bob)).status).toBe(200)
    expect(Object.keys((await roomsOf(bob)).invite)).toEqual([roomId])
    await leave(bob, roomId)
    await world.settled()
    expect(await membershipOf(alice, roomId, bob)).toBe('leave')
    expect((await roomsOf(bob)).invite ?? {}).toEqual({})
  }
})

test('an invitation whose server is gone can be declined all the same', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice, { preset: 'private_chat', invite: [bob.userId] })
  world.network.cut('a.test')
  await leave(bob, roomId)
  expect((await roomsOf(bob)).invite ?? {}).toEqual({})
})

test('an invitation that is taken back goes away', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice, { preset: 'private_chat', invite: [bob.userId] })
  expect((await act(alice, 'kick', roomId, bob)).status).toBe(200)
  await world.settled()
  expect((await roomsOf(bob)).invite ?? {}).toEqual({})
})

test('an invitation is not ended by what came before it and arrives after it', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice)
  await joinVia(bob, roomId, 'a.test')
  await world.settled()
  expect((await act(alice, 'ban', roomId, bob)).status).toBe(200)
  await world.settled()
  world.network.disturb((_, to, target) => (to === 'b.test' && target.includes('/send/') ? 'lost' : 'arrives'))
  expect((await act(alice, 'unban', roomId, bob)).status).toBe(200)
  expect((await act(alice, 'invite', roomId, bob)).status).toBe(200)
  world.network.disturb(() => 'arrives')
  await world.clock.advance(3_600_000)
  await world.settled()
  expect(Object.keys((await roomsOf(bob)).invite ?? {})).toEqual([roomId])
})

test('a knock goes over, and an invitation comes back', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice, { preset: 'private_chat', name: 'Doctors' })
  await setState(alice, roomId, 'm.room.join_rules', { join_rule: 'knock' })
  const knocked = await bob.request('POST', `${v3}/knock/${encodeURIComponent(roomId)}?via=a.test`, { reason: 'please' })
  expect(knocked).toMatchObject({ status: 200, body: { room_id: roomId } })
  const { knock } = await roomsOf(bob)
  expect(knock[roomId].knock_state.events).toContainEqual(
    expect.objectContaining({ type: 'm.room.name', content: { name: 'Doctors' } }),
  )
  await world.settled()
  expect(await membershipOf(alice, roomId, bob)).toBe('knock')
  expect((await act(alice, 'invite', roomId, bob)).status).toBe(200)
  await world.settled()
  expect((await joinVia(bob, roomId, 'a.test')).status).toBe(200)
  await world.settled()
  await expectAgreement(roomId, [alice, bob])
})

test('a knock that is refused is over', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice, { preset: 'private_chat' })
  await setState(alice, roomId, 'm.room.join_rules', { join_rule: 'knock' })
  await ok(bob, 'POST', `${v3}/knock/${encodeURIComponent(roomId)}?via=a.test`, {})
  expect((await act(alice, 'kick', roomId, bob)).status).toBe(200)
  await world.settled()
  expect((await roomsOf(bob)).knock ?? {}).toEqual({})
})

test('kicks and bans reach the other server, and a ban keeps out', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice)
  await joinVia(bob, roomId, 'a.test')
  await world.settled()
  expect((await act(alice, 'kick', roomId, bob)).status).toBe(200)
  await world.settled()
  expect((await roomsOf(bob)).join ?? {}).toEqual({})
  expect((await joinVia(bob, roomId, 'a.test')).status).toBe(200)
  await world.settled()
  await expectAgreement(roomId, [alice, bob])
  expect((await act(alice, 'ban', roomId, bob)).status).toBe(200)
  await world.settled()
  expect((await joinVia(bob, roomId, 'a.test')).status).toBe(403)
})

test('who left and comes back finds what was said meanwhile', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice)
  await joinVia(bob, roomId, 'a.test')
  await world.settled()
  await say(alice, roomId, 'one')
  await world.settled()
  await leave(bob, roomId)
  await world.settled()
  await say(alice, roomId, 'two')
  await setState(alice, roomId, 'm.room.topic', { topic: 'changed' })
  expect((await joinVia(bob, roomId, 'a.test')).status).toBe(200)
  await say(bob, roomId, 'three')
  await world.settled()
  expect(await seen(bob, roomId)).toEqual(['one', 'two', 'three'])
  expect(await seen(alice, roomId)).toEqual(['one', 'two', 'three'])
  await expectAgreement(roomId, [alice, bob])
})

test('the first page of a room that was joined is fetched, and so are those before it', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice)
  const said = Array.from({ length: 150 }, (_, index) => `message ${index}`)
  for (const body of said) await say(alice, roomId, body)
  await joinVia(bob, roomId, 'a.test')
  await world.settled()
  expect(await seen(bob, roomId)).toEqual(said)
  const events = await history(alice, roomId)
  expect((await history(bob, roomId)).map((event) => event.event_id)).toEqual(events.map((event) => event.event_id))
})

test('a restricted room opens to members of another, by the word of a server that is in both', async () => {
  const { world, alice, bob } = await pair()
  const club = await createRoom(alice)
  const roomId = await createRoom(alice, { preset: 'private_chat' })
  await setState(alice, roomId, 'm.room.join_rules', {
    join_rule: 'restricted',
    allow: [{ type: 'm.room_membership', room_id: club }],
  })
  expect((await joinVia(bob, roomId, 'a.test')).status).toBe(403)
  await joinVia(bob, club, 'a.test')
  await world.settled()
  expect((await joinVia(bob, roomId, 'a.test')).status).toBe(200)
  await world.settled()
  await expectAgreement(roomId, [alice, bob])
})

test('a third server hears what the others say, and one join goes on to all', async () => {
  const { world, alice, bob } = await pair()
  const c = await federatingServer(world, 'c.test')
  const carol = await c.register('carol')
  const roomId = await createRoom(alice)
  await joinVia(bob, roomId, 'a.test')
  await world.settled()
  expect((await joinVia(carol, roomId, 'b.test')).status).toBe(200)
  await world.settled()
  await expectAgreement(roomId, [alice, bob, carol])
  await say(carol, roomId, 'from carol')
  await world.settled()
  await say(alice, roomId, 'from alice')
  await world.settled()
  for (const user of [alice, bob, carol]) expect(await seen(user, roomId)).toEqual(['from carol', 'from alice'])
})

test('a room that does not take anything from a server does not', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice)
  await joinVia(bob, roomId, 'a.test')
  await world.settled()
  await setState(alice, roomId, 'm.room.server_acl', { allow: ['*'], deny: ['b.test'] })
  await world.settled()
  await say(bob, roomId, 'unheard')
  await world.settled()
  expect(await seen(alice, roomId)).toEqual([])
})

test('two sides that could not hear each other agree in the end', async () => {
  const { world, alice, bob } = await pair()
  const roomId = await createRoom(alice)
  await joinVia(bob, roomId, 'a.test')
  await world.settled()
  world.network.disturb(() => 'lost')
  await setState(alice, roomId, 'm.room.topic', { topic: 'of alice' })
  await say(alice, roomId, 'alice alone')
  await say(bob, roomId, 'bob alone')
  await world.settled()
  world.network.disturb(() => 'arrives')
  await world.clock.advance(3_600_000)
  await world.settled()
  await say(alice, roomId, 'together')
  await world.settled()
  await expectAgreement(roomId, [alice, bob])
  expect((await seen(bob, roomId)).toSorted()).toEqual(['alice alone', 'bob alone', 'together'])
  expect((await seen(alice, roomId)).toSorted()).toEqual(['alice alone', 'bob alone', 'together'])
})

test('rooms that no server knows cannot be joined', async () => {
  const { bob } = await pair()
  expect(await refused(bob, 'POST', `${v3}/join/${encodeURIComponent('!nowhere:a.test')}?via=a.test`, {})).toEqual([
    404,
    'M_NOT_FOUND',
  ])
  expect(await refused(bob, 'POST', `${v3}/join/${encodeURIComponent('!nowhere:gone.test')}`, {})).toEqual([502, 'M_UNKNOWN'])
})
