import { expect, test } from 'vitest'
import { toPdu } from '../../src/matrix/format.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { act, createRoom, say, seen, setState } from '../rooms/kit.ts'
import { of, versionNamed } from '../rooms/serving-kit.ts'
import { createEvil, den, type Evil, getIn, type Made, membership, referencesTo, seal, transaction, v1, v2 } from './kit.ts'

const v3 = '/_matrix/client/v3'

/** An invitation of somebody of the real server, as the hostile one makes it. */
function invitation(evil: Evil, target: string, change: JsonObject = {}, version = '11'): Made {
  return seal(evil.signer, versionNamed(version), {
    type: 'm.room.member',
    state_key: target,
    sender: evil.userId,
    room_id: '!den:evil.test',
    content: { membership: 'invite' },
    origin_server_ts: 1,
    auth_events: [],
    prev_events: [],
    depth: 5,
    ...(version === '1' && { event_id: '$invitation:evil.test' }),
    ...change,
  })
}

test('only invitations of its own users, by users of who asks, into the room of the request are signed', async () => {
  const { a, alice, evil, stored } = await den()
  const before = stored()
  const bad: readonly (readonly [JsonObject, number, string])[] = [
    [{ type: 'm.room.power_levels' }, 400, 'M_INVALID_PARAM'],
    [{ type: 'm.room.message' }, 400, 'M_INVALID_PARAM'],
    [{ content: { membership: 'join' } }, 400, 'M_INVALID_PARAM'],
    [{ content: { membership: 'leave' } }, 400, 'M_INVALID_PARAM'],
    [{ content: { membership: ['invite'] } }, 400, 'M_INVALID_PARAM'],
    [{ content: {} }, 400, 'M_INVALID_PARAM'],
    [{ state_key: '@mallory:evil.test' }, 400, 'M_INVALID_PARAM'],
    [{ state_key: '@nobody:a.test' }, 404, 'M_NOT_FOUND'],
    [{ state_key: '' }, 400, 'M_INVALID_PARAM'],
    [{ state_key: undefined as never }, 400, 'M_INVALID_PARAM'],
    [{ sender: alice.userId }, 400, 'M_INVALID_PARAM'],
    [{ sender: '@x:victim.test' }, 400, 'M_INVALID_PARAM'],
    [{ room_id: '!other:evil.test' }, 400, 'M_INVALID_PARAM'],
    [{ depth: -1 }, 400, 'M_BAD_JSON'],
    [{ auth_events: Array(11).fill('$x') }, 400, 'M_BAD_JSON'],
    // With one more signature it has more bytes than an event may have.
    [
      {
        content: { membership: 'invite', reason: 'x'.repeat(65_430 - JSON.stringify(invitation(evil, alice.userId).raw).length) },
      },
      400,
      'M_BAD_JSON',
    ],
  ]
  for (const [change, status, errcode] of bad) {
    const { id, raw } = invitation(evil, alice.userId, change)
    const body = { room_version: '11', event: raw, invite_room_state: [] }
    const answer = await evil.ask(a, 'PUT', `${v2}/invite/${of('!den:evil.test')}/${of(id)}`, body)
    expect([answer.status, answer.body.errcode], JSON.stringify(change).slice(0, 100)).toEqual([status, errcode])
    expect(JSON.stringify(answer.body)).not.toContain('"signatures"')
  }
  const good = invitation(evil, alice.userId)
  const to = (room: string, id: string) => `${v2}/invite/${of(room)}/${of(id)}`
  const body = { room_version: '11', event: good.raw }
  expect((await evil.ask(a, 'PUT', to('!other:evil.test', good.id), body)).status).toBe(400)
  expect((await evil.ask(a, 'PUT', to('!den:evil.test', `$${'o'.repeat(43)}`), body)).status).toBe(400)
  expect((await evil.ask(a, 'PUT', to('!den:evil.test', good.id), { ...body, room_version: '99' })).body.errcode).toBe(
    'M_INCOMPATIBLE_ROOM_VERSION',
  )
  const changed = { ...good.raw, content: { membership: 'invite', reason: 'other' } }
  expect((await evil.ask(a, 'PUT', to('!den:evil.test', good.id), { ...body, event: changed })).status).toBe(400)
  expect(
    (await evil.ask(a, 'PUT', to('!den:evil.test', good.id), { ...body, event: { ...good.raw, signatures: {} } })).status,
  ).toBe(400)
  expect(stored()).toBe(before)
  expect((await alice.request('GET', `${v3}/sync`)).body.rooms.invite).toBeUndefined()
  expect((await evil.ask(a, 'PUT', to('!den:evil.test', good.id), body)).status).toBe(200)
})

test('an invitation by a third party needs no signature of its sender, and gets in by the rules or not at all', async () => {
  const { a, alice, bob, evil, room, send } = await den()
  const hold = await room()
  const signed = { mxid: bob.userId, token: 'x', signatures: { 'evil.test': { 'ed25519:1': 'A'.repeat(86) } } }
  const wish = {
    type: 'm.room.member',
    state_key: bob.userId,
    sender: alice.userId,
    content: { membership: 'invite', third_party_invite: { display_name: 'x', signed } },
    prev: [hold.joined],
  }
  const forged = hold.event(wish)
  expect((await send([forged.raw]))[forged.id]?.error).toBeDefined()
  expect(await membership(alice, hold.roomId, bob.userId)).toBeUndefined()
  const asked = await evil.ask(a, 'PUT', `${v2}/invite/${of(hold.roomId)}/${of(forged.id)}`, {
    room_version: '11',
    event: forged.raw,
  })
  expect([asked.status, asked.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
})

test('an invitation with what nobody asked for shows no more than an invitation can', async () => {
  const { a, alice, evil } = await den()
  const { id, raw } = invitation(evil, alice.userId)
  const huge = { type: 'm.room.topic', state_key: '', sender: evil.userId, content: { topic: 'x'.repeat(100_000) } }
  const state = [
    7,
    null,
    [],
    {},
    huge,
    { type: 'm.room.name', state_key: '', sender: evil.userId, content: { name: 'Den' }, secret: 1 },
  ]
  const body = {
    room_version: '11',
    event: raw,
    invite_room_state: [...state, ...Array(400).fill(huge)].slice(0, 9) as JsonObject[],
  }
  expect((await evil.ask(a, 'PUT', `${v2}/invite/${of('!den:evil.test')}/${of(id)}`, body)).status).toBe(200)
  const shown = (await alice.request('GET', `${v3}/sync`)).body.rooms.invite['!den:evil.test'].invite_state.events
  expect(shown.map((event: JsonObject) => event.type).toSorted()).toEqual(['m.room.member', 'm.room.name'])
  expect(shown.some((event: JsonObject) => 'secret' in event)).toBe(false)
  const tooMany = { ...body, invite_room_state: Array(501).fill({}) as JsonObject[] }
  expect((await evil.ask(a, 'PUT', `${v2}/invite/${of('!den:evil.test')}/${of(id)}`, tooMany)).status).toBe(400)
})

test('whoever is not in a room gets no state of it by an event of its own', async () => {
  const { world, a, alice, evil, send } = await den()
  const roomId = await createRoom(alice, { preset: 'private_chat', room_version: '11', name: 'secret' })
  await setState(alice, roomId, 'm.room.join_rules', { join_rule: 'knock' })
  const version = versionNamed('11')
  const made = await evil.ask(a, 'GET', `${v1}/make_knock/${of(roomId)}/${of(evil.userId)}?ver=11`)
  const knock = seal(evil.signer, version, made.body.event)
  const knocked = await evil.ask(a, 'PUT', `${v1}/send_knock/${of(roomId)}/${of(knock.id)}`, knock.raw)
  expect(knocked.status).toBe(200)
  const questions = [
    `state/${of(roomId)}?event_id=${of(knock.id)}`,
    `state_ids/${of(roomId)}?event_id=${of(knock.id)}`,
    `event_auth/${of(roomId)}/${of(knock.id)}`,
    `event/${of(knock.id)}`,
    `backfill/${of(roomId)}?v=${of(knock.id)}&limit=10`,
    `timestamp_to_event/${of(roomId)}?ts=1&dir=f`,
  ]
  const refuseAll = async () => {
    for (const question of questions) {
      const answer = await evil.ask(a, 'GET', `${v1}/${question}`)
      expect([answer.status, answer.body.errcode], question).toEqual([403, 'M_FORBIDDEN'])
    }
    const between = { earliest_events: [], latest_events: [knock.id], limit: 10 }
    expect((await evil.ask(a, 'POST', `${v1}/get_missing_events/${of(roomId)}`, between)).status).toBe(403)
  }
  await refuseAll()
  // A join that the rules refuse, first in a transaction and then by hand, is not answered with the room either.
  const [power, create, rules] = ['m.room.power_levels', 'm.room.create', 'm.room.join_rules'].map(
    (type) =>
      a.app.storage.reader.raw
        .prepare('SELECT json FROM events WHERE type = ? ORDER BY position DESC')
        .pluck()
        .get(type) as string,
  )
  const cited = [create, power, rules].map((json) => sealOf(JSON.parse(json ?? '')))
  const join = seal(evil.signer, version, {
    type: 'm.room.member',
    state_key: evil.userId,
    sender: evil.userId,
    room_id: roomId,
    content: { membership: 'join' },
    origin_server_ts: world.clock.now(),
    auth_events: referencesTo(version, [...cited, knock]),
    prev_events: referencesTo(version, [knock]),
    depth: Number(knock.raw.depth) + 1,
  })
  expect((await send([join.raw]))[join.id]?.error).toBeDefined()
  const sent = await evil.ask(a, 'PUT', `${v2}/send_join/${of(roomId)}/${of(join.id)}`, join.raw)
  expect([sent.status, sent.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  await refuseAll()
  expect(await membership(alice, roomId, evil.userId)).toBe('knock')

  function sealOf(raw: JsonObject): Made {
    return { id: toPdu(raw, version).eventId, raw }
  }
})

test('whoever was banned before ever being in a room learns nothing of it', async () => {
  const { a, alice, evil } = await den()
  const roomId = await createRoom(alice, { preset: 'private_chat', room_version: '11' })
  await act(alice, 'ban', roomId, { ...alice, userId: evil.userId })
  const { event_id: ban } = (await alice.request('GET', `${v3}/rooms/${roomId}/state`)).body.find(
    (event: JsonObject) => event.state_key === evil.userId,
  )
  expect((await evil.ask(a, 'GET', `${v1}/state/${of(roomId)}?event_id=${of(ban)}`)).status).toBe(403)
})

test('whoever was put out may ask what led there, and nothing that came later', async () => {
  const { a, alice, evil, room, world } = await den()
  const hold = await room('11', { preset: 'public_chat' })
  await act(alice, 'kick', hold.roomId, { ...alice, userId: evil.userId })
  await world.settled()
  const kick = (await alice.request('GET', `${v3}/rooms/${hold.roomId}/state`)).body.find(
    (event: JsonObject) => event.state_key === evil.userId,
  ).event_id as string
  const later = await say(alice, hold.roomId, 'among us')
  const between = (latest: string[]) =>
    evil.ask(a, 'POST', `${v1}/get_missing_events/${of(hold.roomId)}`, { earliest_events: [], latest_events: latest, limit: 20 })
  expect((await between([kick])).status).toBe(200)
  expect((await between([kick, later])).status).toBe(403)
  expect((await between([])).status).toBe(403)
  expect((await evil.ask(a, 'GET', `${v1}/event/${of(later)}`)).status).toBe(403)
})

test('room version 1: a join with the id of another event is not answered with the state at that event', async () => {
  const { a, alice, evil, room } = await den()
  const hold = await room('1')
  const first = hold.event({ prev: [hold.joined] })
  expect((await evil.ask(a, 'PUT', `${v1}/send/id1`, { origin: evil.name, origin_server_ts: 1, pdus: [first.raw] })).status).toBe(
    200,
  )
  const other = await getInPrivate()
  const raw = hold.event({
    type: 'm.room.member',
    state_key: evil.userId,
    content: { membership: 'join' },
    more: { event_id: first.id, room_id: other },
    prev: [hold.joined],
  }).raw
  const sent = await evil.ask(a, 'PUT', `${v2}/send_join/${of(other)}/${of(first.id)}`, raw)
  expect([sent.status, sent.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
  const here = hold.event({
    type: 'm.room.member',
    state_key: evil.userId,
    content: { membership: 'join', displayname: 'x' },
    more: { event_id: first.id },
    prev: [hold.joined],
  }).raw
  const again = await evil.ask(a, 'PUT', `${v2}/send_join/${of(hold.roomId)}/${of(first.id)}`, here)
  expect([again.status, again.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])

  function getInPrivate(): Promise<string> {
    return createRoom(alice, { preset: 'private_chat', room_version: '1' })
  }
})

test('nothing but the membership that was asked for gets in by a handshake', async () => {
  const { a, alice, evil, room, stored } = await den()
  const hold = await room()
  const before = stored()
  const wrong: readonly (readonly [string, Made])[] = [
    ['send_join', hold.event({ type: 'm.room.message' })],
    ['send_join', hold.event({ type: 'm.room.member', state_key: evil.userId, content: { membership: 'leave' } })],
    ['send_join', hold.event({ type: 'm.room.member', state_key: alice.userId, content: { membership: 'join' } })],
    [
      'send_join',
      hold.event({
        type: 'm.room.member',
        state_key: evil.userId,
        content: { membership: 'join' },
        more: { room_id: '!x:evil.test' },
      }),
    ],
    ['send_leave', hold.event({ type: 'm.room.member', state_key: alice.userId, content: { membership: 'leave' } })],
    ['send_leave', hold.event({ type: 'm.room.member', state_key: evil.userId, content: { membership: 'ban' } })],
    [
      'send_join',
      hold.event({
        type: 'm.room.member',
        state_key: evil.userId,
        content: { membership: 'join' },
        prev: [{ id: `$${'p'.repeat(43)}`, raw: { depth: 1 } }],
      }),
    ],
    ['send_join', hold.event({ type: 'm.room.member', state_key: evil.userId, content: { membership: 'join' }, prev: [] })],
  ]
  for (const [verb, { id, raw }] of wrong) {
    const answer = await evil.ask(a, 'PUT', `${v2}/${verb}/${of(hold.roomId)}/${of(id)}`, raw)
    expect([400, 403], `${verb} ${JSON.stringify(raw)}`).toContain(answer.status)
  }
  expect(stored()).toBe(before)
  expect(await membership(alice, hold.roomId, alice.userId)).toBe('join')
  expect(await membership(alice, hold.roomId, evil.userId)).toBe('join')
})

test('templates are made for users of who asks alone', async () => {
  const { a, alice, evil, elsewhere } = await den()
  for (const verb of ['make_join', 'make_leave', 'make_knock']) {
    for (const userId of [alice.userId, '@x:victim.test', 'nobody', '@x:evil.test:1']) {
      const answer = await evil.ask(a, 'GET', `${v1}/${verb}/${of(elsewhere)}/${of(userId)}?ver=12`)
      expect([answer.status, answer.body.errcode], `${verb} ${userId}`).toEqual([403, 'M_FORBIDDEN'])
    }
  }
})

test('the ACL keeps a server out however it writes its name', async () => {
  const { world, a, alice, evil, room } = await den()
  const hold = await room()
  const names = ['sub.evil.test:8448', 'deep.sub.evil.test']
  const others: { evil: Evil; hold: Awaited<ReturnType<typeof getIn>> }[] = []
  for (const name of names) {
    const other = createEvil(world, name)
    others.push({ evil: other, hold: await getIn(world, other, a, hold.roomId, '11') })
  }
  await setState(alice, hold.roomId, 'm.room.server_acl', {
    allow: ['*'],
    deny: ['EVIL.test', '*.Evil.Test'],
    allow_ip_literals: false,
  })
  for (const one of [{ evil, hold }, ...others]) {
    const event = one.hold.event()
    const answer = await one.evil.ask(a, 'PUT', `${v1}/send/acl`, transaction(world, one.evil, [event.raw]))
    expect(answer.body.pdus[event.id]?.error, one.evil.name).toContain('server')
    const asked = await one.evil.ask(a, 'GET', `${v1}/backfill/${of(hold.roomId)}?v=${of(event.id)}&limit=1`)
    expect([asked.status, asked.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    const made = await one.evil.ask(a, 'GET', `${v1}/make_join/${of(hold.roomId)}/${of(one.evil.userId)}?ver=11`)
    expect([made.status, made.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    const leave = one.hold.event({ type: 'm.room.member', state_key: one.evil.userId, content: { membership: 'leave' } })
    expect((await one.evil.ask(a, 'PUT', `${v2}/send_leave/${of(hold.roomId)}/${of(leave.id)}`, leave.raw)).status).toBe(403)
  }
  expect(await seen(alice, hold.roomId)).toEqual([])
})

test('a server that is kept out passes nothing on for others either', async () => {
  const { world, a, alice, evil, room } = await den()
  const hold = await room()
  const other = createEvil(world, 'friend.test')
  const friend = await getIn(world, other, a, hold.roomId, '11')
  await setState(alice, hold.roomId, 'm.room.server_acl', { allow: ['*'], deny: ['evil.test'] })
  const event = friend.event()
  const answer = await evil.ask(a, 'PUT', `${v1}/send/onbehalf`, transaction(world, evil, [event.raw]))
  expect(answer.body.pdus[event.id].error).toBeDefined()
  expect(await seen(alice, hold.roomId)).toEqual([])
  // From its own server it is welcome.
  expect((await other.ask(a, 'PUT', `${v1}/send/own`, transaction(world, other, [event.raw]))).body.pdus).toEqual({
    [event.id]: {},
  })
})

test('an event whose citations look like the end of their list does not break what others are told', async () => {
  const { a, evil, room, send } = await den()
  const hold = await room()
  const odd = hold.event({ more: { auth_events: ['$a]b', '$c"]d', '$e\\"]'] }, prev: [hold.joined] })
  await send([odd.raw])
  const asked = await evil.ask(a, 'GET', `${v1}/event_auth/${of(hold.roomId)}/${of(odd.id)}`)
  expect([200, 404]).toContain(asked.status)
  expect((await evil.ask(a, 'GET', `${v1}/state/${of(hold.roomId)}?event_id=${of(hold.joined.id)}`)).status).toBe(200)
})
