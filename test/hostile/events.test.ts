import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/matrix/json.ts'
import { day, keysOf, signerOf } from '../federation/kit.ts'
import { say, seen, setState, stateOf } from '../rooms/kit.ts'
import { den, type Made, membership, seal, shown } from './kit.ts'

const nothing = {}

test('an event in the name of somebody of another server, with the signature of this one, is nothing', async () => {
  const { send, room, alice, stored, expectUnharmed } = await den()
  const hold = await room()
  const before = stored()
  const forged = hold.event({ sender: alice.userId, auth: [hold.state.get('m.room.create|')!] })
  const byAdmin = hold.event({
    sender: alice.userId,
    type: 'm.room.power_levels',
    state_key: '',
    content: { users: {} },
    prev: [hold.joined],
  })
  expect(await send([forged.raw, byAdmin.raw])).toEqual(nothing)
  expect(stored()).toBe(before)
  expect(await seen(alice, hold.roomId)).toEqual([])
  await expectUnharmed()
})

test('a signature that was made by another key, or of another event, or not at all is none', async () => {
  const { send, attempt, room, alice, stored } = await den()
  const hold = await room()
  const before = stored()
  const good = hold.event({ prev: [hold.joined] })
  const other = hold.event({ prev: [hold.joined], content: { body: 'other', msgtype: 'm.text' } })
  const wrongKey = signerOf('evil.test', 'ed25519:other').signEvent({ ...good.raw, signatures: {} }, hold.version)
  const borrowed = { ...good.raw, signatures: other.raw.signatures! }
  const none = { ...good.raw, signatures: {} }
  const many = {
    ...good.raw,
    signatures: { 'evil.test': Object.fromEntries(Array.from({ length: 500 }, (_, key) => [`ed25519:${key}`, 'AAAA'])) },
  }
  for (const raw of [borrowed, none, many]) expect(await send([raw])).toEqual(nothing)
  // A key may come to be known: the sender is asked to come again, a few times and not for ever.
  const statuses: number[] = []
  for (let round = 0; round < 7; round += 1) statuses.push((await attempt([wrongKey])).status)
  expect(statuses).toEqual([503, 503, 503, 503, 503, 200, 200])
  expect(stored()).toBe(before)
  expect(await seen(alice, hold.roomId)).toEqual([])
})

test('contents that were changed on the way leave the redacted event, until the whole one comes', async () => {
  const { send, room, alice, expectUnharmed } = await den()
  const hold = await room()
  const good = hold.event({ content: { msgtype: 'm.text', body: 'as it was' } })
  const changed = { ...good.raw, content: { msgtype: 'm.text', body: 'something else' } }
  expect(await send([changed])).toEqual({ [good.id]: {} })
  expect((await shown(alice, hold.roomId, good.id))?.content).toEqual({})
  expect(await send([good.raw])).toEqual({ [good.id]: {} })
  expect((await shown(alice, hold.roomId, good.id))?.content).toEqual({ msgtype: 'm.text', body: 'as it was' })
  expect(await send([changed])).toEqual({ [good.id]: {} })
  expect(await seen(alice, hold.roomId)).toEqual(['as it was'])
  await expectUnharmed()
})

test('what was redacted stays so, even if the whole event comes again', async () => {
  const { send, room, alice } = await den()
  const hold = await room()
  const good = hold.event({ content: { msgtype: 'm.text', body: 'regretted' } })
  await send([good.raw])
  await alice.request('PUT', `/_matrix/client/v3/rooms/${hold.roomId}/redact/${encodeURIComponent(good.id)}/r1`, {})
  await send([good.raw])
  expect((await shown(alice, hold.roomId, good.id))?.content).toEqual({})
})

test('an event for a room that the server is not in gets no further than that', async () => {
  const { send, room, elsewhere, alice, stored, expectUnharmed } = await den()
  const hold = await room()
  const before = stored()
  const stray = hold.event({ more: { room_id: elsewhere }, prev: [hold.joined] })
  const unknown = hold.event({ more: { room_id: '!nowhere:evil.test' }, prev: [hold.joined] })
  const none = hold.event({ more: { room_id: 'no room at all' }, prev: [hold.joined] })
  const results = await send([stray.raw, unknown.raw, none.raw])
  expect(results[stray.id]?.error).toBeDefined()
  expect(Object.keys(results)).toEqual([stray.id])
  expect(stored()).toBe(before)
  expect(await shown(alice, elsewhere, stray.id)).toBeUndefined()
  await expectUnharmed()
})

test('events that are too large, nested too deeply, or point at too much are none', async () => {
  const { send, a, room, stored, expectUnharmed } = await den()
  const hold = await room()
  const before = stored()
  const here = { prev: [hold.joined] }
  const bad = [
    hold.event({ ...here, content: { body: 'x'.repeat(66_000) } }),
    hold.event({ ...here, type: 'x'.repeat(256) }),
    hold.event({ ...here, state_key: 'x'.repeat(256) }),
    hold.event({ ...here, more: { prev_events: Array(21).fill(hold.joined.id) } }),
    hold.event({ ...here, more: { auth_events: Array(11).fill(hold.joined.id) } }),
    hold.event({ ...here, more: { prev_events: ['not an id'] } }),
    hold.event({ ...here, more: { depth: -1 } }),
    hold.event({ ...here, more: { origin_server_ts: 'yesterday' } }),
  ]
  expect(await send(bad.map(({ raw }) => raw))).toEqual(nothing)
  const deep = `{"pdus":[{"content":${'['.repeat(100_000)}${']'.repeat(100_000)}}]}`
  const headers = { authorization: 'X-Matrix origin="evil.test",key="ed25519:1",sig="AAAA"' }
  const answer = await a.federation('PUT', '/_matrix/federation/v1/send/deep', deep, { headers })
  expect([answer.status, answer.body.errcode]).toEqual([400, 'M_NOT_JSON'])
  expect(stored()).toBe(before)
  await expectUnharmed()
})

test('an event as deep as can be is taken, shown and passed on', async () => {
  const { send, room, alice, evil, a } = await den()
  const hold = await room()
  const levels = 400
  const deep = hold.event({ content: { deep: JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`) } })
  expect(await send([deep.raw])).toEqual({ [deep.id]: {} })
  expect((await shown(alice, hold.roomId, deep.id))?.content).toEqual(deep.raw.content)
  const asked = await evil.ask(a, 'GET', `/_matrix/federation/v1/event/${encodeURIComponent(deep.id)}`)
  expect(asked.body.pdus[0].content).toEqual(deep.raw.content)
})

test('names that mean something to the language mean nothing', async () => {
  const { send, room, alice, expectUnharmed } = await den()
  const hold = await room('11', { power_level_content_override: { state_default: 0 } })
  const odd = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
  const events = odd.map((name) =>
    hold.event({ type: name, state_key: name, content: JSON.parse(`{"${name}":{"polluted":true}}`) }),
  )
  const results = await send(events.map(({ raw }) => raw))
  expect(Object.values(results)).toEqual(events.map(() => ({})))
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  for (const name of odd) expect(Object.keys(await stateOf(alice, hold.roomId, name, name))).toEqual([name])
  await expectUnharmed()
})

test('a second create event, and events that stand on nothing, change nothing', async () => {
  const { send, room, alice, evil, stored } = await den()
  const hold = await room()
  const before = stored()
  const create = seal(evil.signer, hold.version, {
    type: 'm.room.create',
    state_key: '',
    sender: evil.userId,
    room_id: hold.roomId,
    content: { room_version: '11' },
    origin_server_ts: 1,
    auth_events: [],
    prev_events: [],
    depth: 1,
  })
  const rootless = hold.event({ prev: [], depth: 1 })
  const again = hold.state.get('m.room.create|')!
  const results = await send([create.raw, rootless.raw, again.raw])
  expect(results[create.id]?.error).toContain('prev_events')
  expect(results[rootless.id]?.error).toContain('prev_events')
  expect(results[again.id]).toEqual({})
  expect(stored()).toBe(before)
  expect((await stateOf(alice, hold.roomId, 'm.room.power_levels')).users).toEqual({ [alice.userId]: 100 })
})

test('whoever made the room id cannot make the room anew once it has passed on', async () => {
  // The room is one of the hostile server: another create event of it would pass all rules on its own.
  const { send, bob, evil, world } = await den()
  const { madeByEvil } = await import('./evil-room.ts')
  const hold = await madeByEvil(world, evil, bob)
  const create = seal(evil.signer, hold.version, { ...bare(hold.state.get('m.room.create|')!), origin_server_ts: 5 })
  expect((await send([create.raw]))[create.id]?.error).toContain('prev_events')
  expect(await membership(bob, hold.roomId, bob.userId)).toBe('join')
})

const bare = ({ raw: { signatures: _signatures, hashes: _hashes, ...rest } }: Made): JsonObject => rest

test('power that was not given is refused, and so is everything that cites it', async () => {
  const { send, room, alice, evil, expectUnharmed } = await den()
  const hold = await room()
  const levels = { ...(hold.state.get('m.room.power_levels|')!.raw.content as JsonObject) }
  const coup = hold.event({
    type: 'm.room.power_levels',
    state_key: '',
    content: { ...levels, users: { [evil.userId]: 100 } },
    prev: [hold.joined],
  })
  const cites = hold.event({
    type: 'm.room.topic',
    state_key: '',
    content: { topic: 'mine now' },
    auth: [hold.state.get('m.room.create|')!, coup, hold.joined],
    prev: [coup],
  })
  const plain = hold.event({ prev: [coup] })
  const results = await send([coup.raw, cites.raw, plain.raw])
  expect(results[coup.id]?.error).toBeDefined()
  expect(results[cites.id]?.error).toContain('rejected')
  // It stands on what was refused, which changes nothing; by itself it may be said.
  expect(results[plain.id]).toEqual({})
  expect((await stateOf(alice, hold.roomId, 'm.room.power_levels')).users).toEqual({ [alice.userId]: 100 })
  expect(await shown(alice, hold.roomId, coup.id)).toBeUndefined()
  expect(await shown(alice, hold.roomId, cites.id)).toBeUndefined()
  await expectUnharmed()
})

test('whoever is banned says no more, neither on old ground nor on what stands there', async () => {
  const { send, room, alice, evil, world } = await den()
  const hold = await room()
  const early = hold.event({ content: { msgtype: 'm.text', body: 'before the ban' } })
  await send([early.raw])
  await alice.request('POST', `/_matrix/client/v3/rooms/${hold.roomId}/ban`, { user_id: evil.userId })
  await world.settled()
  const late = hold.event({ content: { msgtype: 'm.text', body: 'on old ground' } })
  const onTop = hold.event({ content: { msgtype: 'm.text', body: 'on what stands there' } })
  expect(await send([late.raw, onTop.raw])).toEqual({ [late.id]: {}, [onTop.id]: {} })
  expect(await seen(alice, hold.roomId)).toEqual(['before the ban'])
  expect(await membership(alice, hold.roomId, evil.userId)).toBe('ban')
  await say(alice, hold.roomId, 'good')
  expect(await seen(alice, hold.roomId)).toEqual(['before the ban', 'good'])
})

test.each(['1', '2'])('room version %s: an id in use is not given to another event', async (version) => {
  const { send, room, alice, stored, expectUnharmed } = await den()
  const [one, two] = [await room(version), await room(version)]
  const first = one.event({ content: { msgtype: 'm.text', body: 'first' } })
  expect(await send([first.raw])).toEqual({ [first.id]: {} })
  const count = stored()
  const stolen = { more: { event_id: first.id } }
  const second = one.event({ ...stolen, content: { msgtype: 'm.text', body: 'second' } })
  const there = two.event({ ...stolen, content: { msgtype: 'm.text', body: 'in another room' } })
  const results = await send([second.raw])
  expect(results[first.id]?.error).toContain('event_id')
  expect((await send([there.raw]))[first.id]?.error).toContain('event_id')
  const ofAlice = two.state.get(`m.room.member|${alice.userId}`)!.id
  const taken = two.event({ more: { event_id: ofAlice }, prev: [two.joined] })
  const foreign = two.event({ more: { event_id: '$mine:victim.test' }, prev: [two.joined] })
  expect(await send([taken.raw])).toEqual(nothing)
  expect(await send([foreign.raw])).toEqual(nothing)
  expect(stored()).toBe(count)
  expect(await seen(alice, one.roomId)).toEqual(['first'])
  expect(await seen(alice, two.roomId)).toEqual([])
  await expectUnharmed()
})

test.each(['1', '2'])('room version %s: events in a circle stand on nothing', async (version) => {
  const { send, room, alice, stored, expectUnharmed } = await den()
  const hold = await room(version)
  const before = stored()
  const sha256 = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
  const at = (id: string, prev: string) =>
    hold.event({ prev: [hold.joined], more: { event_id: `$${id}:evil.test`, prev_events: [[`$${prev}:evil.test`, { sha256 }]] } })
  const results = await send([at('one', 'two').raw, at('two', 'one').raw, at('self', 'self').raw])
  expect(Object.values(results).every(({ error }) => error !== undefined)).toBe(true)
  expect(stored()).toBe(before)
  await say(alice, hold.roomId, 'good')
  expect(await seen(alice, hold.roomId)).toEqual(['good'])
  await expectUnharmed()
})

test('a time far in the future moves nothing to the front', async () => {
  const { send, attempt, room, alice } = await den()
  const old = await room('4')
  const late = old.event({
    more: { origin_server_ts: 2 ** 53 - 1 },
    content: { msgtype: 'm.text', body: 'from the end of time' },
  })
  expect(await send([late.raw])).toEqual({ [late.id]: {} })
  await say(alice, old.roomId, 'now')
  expect(await seen(alice, old.roomId)).toEqual(['from the end of time', 'now'])
  // Where keys must have been valid at the time, no key is valid then.
  const strict = await room('11')
  const never = strict.event({ more: { origin_server_ts: 2 ** 53 - 1 } })
  expect((await attempt([never.raw])).status).toBe(503)
  expect(await shown(alice, strict.roomId, never.id)).toBeUndefined()
})

test('the greatest depth does not keep others from talking, nor gaps from being filled', async () => {
  const { send, room, alice, evil } = await den()
  const hold = await room()
  const deepest = hold.event({ depth: 2 ** 53 - 1, content: { msgtype: 'm.text', body: 'deepest' } })
  expect(await send([deepest.raw])).toEqual({ [deepest.id]: {} })
  await say(alice, hold.roomId, 'beyond')
  const missing = hold.event({ prev: [deepest], depth: 7, content: { msgtype: 'm.text', body: 'missing' } })
  evil.answers('/_matrix/federation/v1/get_missing_events', async (_, request) => {
    const { min_depth: least } = (await request.json()) as { min_depth: number }
    return { events: least <= 7 ? [missing.raw] : [] }
  })
  const next = hold.event({ prev: [missing], depth: 8, content: { msgtype: 'm.text', body: 'next' } })
  expect(await send([next.raw])).toEqual({ [next.id]: {} })
  expect(await seen(alice, hold.roomId)).toEqual(['deepest', 'beyond', 'missing', 'next'])
})

test('state in the name of things that are no users does no harm', async () => {
  const { send, room, alice, expectUnharmed } = await den()
  const hold = await room('11', { power_level_content_override: { invite: 0, kick: 0, ban: 0, state_default: 0 } })
  const events = ['nobody', '', '@', '@:evil.test', '@alice', `@x:${'y'.repeat(300)}`, '__proto__'].flatMap((state_key) =>
    ['invite', 'ban', 'leave', 'join', 'knock', 'odd', 7].map((membership) =>
      hold.event({ type: 'm.room.member', state_key, content: { membership } as JsonObject, prev: [hold.joined] }),
    ),
  )
  await send(events.slice(0, 50).map(({ raw }) => raw))
  await setState(alice, hold.roomId, 'm.room.topic', { topic: 'fine' })
  await say(alice, hold.roomId, 'good')
  expect((await alice.request('GET', '/_matrix/client/v3/sync')).status).toBe(200)
  expect((await alice.request('GET', `/_matrix/client/v3/rooms/${hold.roomId}/members`)).status).toBe(200)
  expect((await alice.request('GET', `/_matrix/client/v3/rooms/${hold.roomId}/joined_members`)).status).toBe(200)
  await expectUnharmed()
})

test('power levels that are no levels are refused', async () => {
  const { send, room, alice, evil } = await den()
  const hold = await room('11', { power_level_content_override: { users: { [alice.userId]: 100, [evil.userId]: 90 } } })
  const levels = hold.state.get('m.room.power_levels|')!.raw.content as JsonObject
  const bad = [
    { ...levels, users: { [evil.userId]: '100' } },
    { ...levels, users: [] },
    { ...levels, ban: 'x' },
    { ...levels, users: { 'not a user': 100 } },
  ]
  const events = bad.map((content) => hold.event({ type: 'm.room.power_levels', state_key: '', content, prev: [hold.joined] }))
  for (const { error } of Object.values(await send(events.map(({ raw }) => raw)))) expect(error).toBeDefined()
  expect(await stateOf(alice, hold.roomId, 'm.room.power_levels')).toMatchObject({ ban: 50 })
})

test('whoever passes an event on does not vouch for the key of its sender', async () => {
  const { attempt, evil, room, world, alice } = await den()
  const hold = await room()
  // A server that nobody has heard of; the hostile one would say that it knew its key.
  const ghost = signerOf('ghost.test')
  evil.answers('/_matrix/key/v2/query', () => ({
    server_keys: [evil.signer.signJson(ghost.signJson(keysOf(ghost, world.clock.now() + day)))],
  }))
  const bare = hold.event({ sender: '@spirit:ghost.test', prev: [hold.joined], auth: [hold.state.get('m.room.create|')!] }).raw
  const event = seal(ghost, hold.version, { ...bare, signatures: {} })
  expect((await attempt([event.raw])).status).toBe(503)
  expect(evil.asked.some((path) => path.includes('/key/v2/query'))).toBe(false)
  expect(await seen(alice, hold.roomId)).toEqual([])
})
