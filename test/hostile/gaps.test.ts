import { expect, test, vi } from 'vitest'
import { toPdu } from '../../src/matrix/format.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { federatingServer, joinVia } from '../rooms/federation-kit.ts'
import { act, createRoom, say, seen, stateOf } from '../rooms/kit.ts'
import type { TestServer } from '../support/world.ts'
import { createEvil, den, type Foothold, getIn, type Made, membership, transaction, v1 } from './kit.ts'

const text = (body: string) => ({ content: { msgtype: 'm.text', body } })
const bodyOf = async (request: Request) => (await request.json()) as { latest_events: string[]; limit: number }

/** Events without end, each on one more that nobody has. */
function endless(hold: Foothold): (count: number) => Made[] {
  let depth = 1_000_000
  return (count) => {
    const chain: Made[] = []
    let below: Made = { id: `$${'x'.repeat(43)}`, raw: { depth } }
    for (let index = 0; index < count; index += 1) {
      depth += 1
      below = hold.event({ prev: [below], depth, ...text(`${depth}`) })
      chain.push(below)
    }
    return chain
  }
}

test('what always has more before it is not followed for ever', async () => {
  const { send, room, evil, alice, stored, expectUnharmed } = await den()
  const hold = await room()
  const before = stored()
  const more = endless(hold)
  const all = more(3000)
  const known = new Map(all.map((made, index) => [made.id, index]))
  evil.answers(`${v1}/get_missing_events/`, async (_, request) => {
    const { latest_events: latest, limit } = await bodyOf(request)
    const first = Math.min(...latest.map((id) => known.get(id) ?? all.length))
    return { events: all.slice(Math.max(0, first - limit), first).map(({ raw }) => raw) }
  })
  const result = await send([all.at(-1)!.raw])
  expect(result[all.at(-1)!.id]?.error).toContain('what came before')
  // A thousand events, twenty at a time, and then as many states as are asked for at most.
  expect(evil.asked.filter((path) => path.includes('get_missing_events')).length).toBeLessThanOrEqual(50)
  expect(evil.asked.length).toBeLessThan(80)
  expect(stored()).toBe(before)
  expect(await seen(alice, hold.roomId)).toEqual([])
  await expectUnharmed()
})

test('a web of missing events costs a few questions, not one for each', async () => {
  const { send, room, evil, stored, expectUnharmed } = await den()
  const hold = await room()
  const before = stored()
  const ghosts = (from: number): Made[] =>
    Array.from({ length: 20 }, (_, index) => ({ id: `$${`${from + index}`.padStart(43, 'g')}`, raw: { depth: 5 } }))
  evil.answers(`${v1}/get_missing_events/`, () => ({
    events: Array.from({ length: 20 }, (_, index) => hold.event({ prev: ghosts(index * 20), ...text(`${index}`) }).raw),
  }))
  evil.answers(`${v1}/state_ids/`, () => ({
    pdu_ids: [...hold.state.values()].map(({ id }) => id),
    auth_chain_ids: [...hold.state.values()].map(({ id }) => id),
  }))
  const top = hold.event({ prev: ghosts(0), ...text('top') })
  const result = await send([top.raw])
  expect(result[top.id]?.error).toContain('what came before')
  expect(evil.asked.length).toBeLessThan(60)
  expect(stored()).toBe(before)
  await expectUnharmed()
})

test('what does not lead to the event is not taken, however good it is', async () => {
  const { send, room, evil, alice } = await den()
  const hold = await room()
  const missing = hold.event({ ...text('missing') })
  const unasked = hold.event({ prev: [hold.joined], ...text('unasked') })
  evil.answers(`${v1}/get_missing_events/`, () => ({ events: [unasked.raw, missing.raw] }))
  const next = hold.event({ prev: [missing], ...text('next') })
  expect(await send([next.raw])).toEqual({ [next.id]: {} })
  expect(await seen(alice, hold.roomId)).toEqual(['missing', 'next'])
})

test('an answer with more than was asked for is cut off', async () => {
  const { send, room, evil, stored } = await den()
  const hold = await room()
  const before = stored()
  const chain: Made[] = []
  for (let index = 0; index < 60; index += 1) chain.push(hold.event(text(`${index}`)))
  evil.answers(`${v1}/get_missing_events/`, () => ({
    events: chain
      .slice(0, -1)
      .toReversed()
      .map(({ raw }) => raw),
  }))
  await send([chain.at(-1)!.raw])
  expect(stored() - before).toBeLessThanOrEqual(21)
})

test('a chain of auth events without end is followed for a while, and nothing of it is kept', async () => {
  const { send, room, evil, stored, expectUnharmed } = await den()
  const hold = await room()
  const before = stored()
  const create = hold.state.get('m.room.create|')!
  let count = 0
  evil.answers(`${v1}/event/`, () => {
    count += 1
    const auth = Array.from({ length: 8 }, (_, index) => ({ id: `$${`${count}x${index}`.padStart(43, 'a')}`, raw: {} }))
    return {
      pdus: [
        hold.event({ type: 'm.room.member', state_key: evil.userId, content: { membership: 'join' }, auth: [create, ...auth] })
          .raw,
      ],
    }
  })
  const top = hold.event({ auth: [create, { id: `$${'y'.repeat(43)}`, raw: {} }], prev: [hold.joined] })
  const result = await send([top.raw])
  expect(result[top.id]?.error).toContain('auth_events')
  expect(evil.asked.filter((path) => path.includes('/event/')).length).toBeLessThanOrEqual(500)
  expect(stored()).toBe(before)
  await expectUnharmed()
})

test('an auth chain as deep as a room can be old is followed to its end, without anything that is not part of it', async () => {
  const { send, room, evil, stored, expectUnharmed } = await den()
  const hold = await room()
  const before = stored()
  const [create, levels] = [hold.state.get('m.room.create|')!, hold.state.get('m.room.power_levels|')!]
  const rules = hold.state.get('m.room.join_rules|')!
  let member = hold.joined
  const chain: Made[] = []
  for (let index = 0; index < 2000; index += 1) {
    const content = { membership: 'join', displayname: `${index}` }
    const auth = [create, levels, rules, member]
    member = hold.event({ type: 'm.room.member', state_key: evil.userId, content, auth, prev: [member] })
    chain.push(member)
  }
  const stray = hold.event({
    type: 'm.room.member',
    state_key: evil.userId,
    content: { membership: 'join' },
    prev: [hold.joined],
  })
  evil.answers(`${v1}/event_auth/`, () => ({ auth_chain: [...chain, stray].map(({ raw }) => raw) }))
  const top = hold.event({ auth: [create, levels, member], prev: [hold.joined], ...text('deep') })
  expect(await send([top.raw])).toEqual({ [top.id]: {} })
  expect(stored() - before).toBe(chain.length + 1)
  await expectUnharmed()
})

test('a state that one server tells does not spoil the events of others', async () => {
  // Good events of a real server pass through the hands of the hostile one, which lies about what was before them.
  const { world, a, alice, evil } = await den()
  const b = await federatingServer(world, 'b.test')
  const carol = await b.register('carol')
  const roomId = await createRoom(alice, { preset: 'public_chat', room_version: '11' })
  expect((await joinVia(carol, roomId, 'a.test')).status).toBe(200)
  await world.settled()
  const hold = await getIn(world, evil, b, roomId, '11')
  await world.settled()
  // From here on a.test hears nothing of b.test.
  world.network.disturb((from) => (from === 'b.test' ? 'lost' : 'arrives'))
  await say(carol, roomId, 'first')
  await say(carol, roomId, 'second')
  const events = (
    await evil.ask(
      b,
      'GET',
      `${v1}/backfill/${encodeURIComponent(roomId)}?v=${encodeURIComponent(await latest(carol, roomId))}&limit=3`,
    )
  ).body.pdus as JsonObject[]
  const ordered = events.toSorted((one, other) => Number(one.depth) - Number(other.depth))
  const second = ordered.at(-1)!
  const onTop = hold.event({ prev: [{ id: await latest(carol, roomId), raw: second }], ...text('of the hostile server') })
  evil.answers(`${v1}/get_missing_events/`, () => ({ events: [second] }))
  // A state without the sender of the good event.
  const lie = [...hold.state.values()].filter(({ raw }) => raw.state_key !== carol.userId && raw.state_key !== evil.userId)
  evil.answers(`${v1}/state_ids/`, () => ({
    pdu_ids: [...lie, hold.joined].map(({ id }) => id),
    auth_chain_ids: lie.map(({ id }) => id),
  }))
  evil.answers(`${v1}/event/`, (url) => ({
    pdus: ordered.filter((raw) => url.pathname.includes(encodeURIComponent(idOf(raw, hold)))),
  }))
  const answer = await evil.ask(a, 'PUT', `${v1}/send/lie`, transaction(world, evil, [onTop.raw]))
  expect(answer.body.pdus[onTop.id].error).toBeDefined()
  expect(await seen(alice, roomId)).toEqual([])
  world.network.disturb(() => 'arrives')
  await world.clock.advance(3_600_000)
  await world.settled()
  await say(carol, roomId, 'third')
  await world.settled()
  expect(await seen(alice, roomId)).toEqual(['first', 'second', 'third'])
})

test('good events without what they stand on are not taken for bad ones', async () => {
  const { world, a, alice, evil } = await den()
  const b = await federatingServer(world, 'b.test')
  const carol = await b.register('carol')
  const roomId = await createRoom(alice, { preset: 'public_chat', room_version: '11' })
  expect((await joinVia(carol, roomId, 'a.test')).status).toBe(200)
  await world.settled()
  const hold = await getIn(world, evil, b, roomId, '11')
  await world.settled()
  world.network.disturb((from) => (from === 'b.test' ? 'lost' : 'arrives'))
  await b.register('dave')
  const dave = await b.login('dave')
  await joinVia(dave, roomId, 'b.test')
  await dave.request('PUT', `/_matrix/client/v3/profile/${encodeURIComponent(dave.userId)}/displayname`, { displayname: 'Dave' })
  const state = (
    await evil.ask(
      b,
      'GET',
      `${v1}/state/${encodeURIComponent(roomId)}?event_id=${encodeURIComponent(await latest(carol, roomId))}`,
    )
  ).body
  const ofDave = [...state.pdus, ...state.auth_chain].filter((raw: JsonObject) => raw.state_key === dave.userId) as JsonObject[]
  const renamed = (await evil.ask(b, 'GET', `${v1}/event/${encodeURIComponent(await latest(carol, roomId))}`)).body
    .pdus[0] as JsonObject
  expect(renamed.content).toMatchObject({ displayname: 'Dave' })
  // What it is asked for it gives, but never the join that the new name stands on.
  evil.answers(`${v1}/event/`, () => ({ pdus: [renamed] }))
  evil.answers(`${v1}/event_auth/`, () => ({ auth_chain: [renamed] }))
  const cites = hold.event({
    auth: [...hold.state.values()].filter(({ raw }) => raw.state_key === ''),
    prev: [hold.joined],
    ...text('x'),
  })
  const stolen = hold.event({ prev: [hold.joined], ...text('y'), more: { auth_events: [idOf(renamed, hold)] } })
  await evil.ask(a, 'PUT', `${v1}/send/lie2`, transaction(world, evil, [cites.raw, stolen.raw]))
  expect(ofDave.length).toBeGreaterThan(0)
  expect(statusOf(a, idOf(renamed, hold))).toBeUndefined()
  world.network.disturb(() => 'arrives')
  await world.clock.advance(3_600_000)
  await world.settled()
  await say(dave, roomId, 'here I am')
  await world.settled()
  expect(await seen(alice, roomId)).toEqual(['here I am'])
  expect((await stateOf(alice, roomId, 'm.room.member', dave.userId)).displayname).toBe('Dave')
})

test.each([true, false])('a state with two events for one entry is no state: %s', async (twice) => {
  const { send, room, evil, alice } = await den()
  const hold = await room()
  const content = { membership: 'join', displayname: 'again' }
  const again = hold.event({ type: 'm.room.member', state_key: evil.userId, content, prev: [hold.joined] })
  const ghost = { id: `$${'n'.repeat(43)}`, raw: { depth: 3 } }
  const gone = hold.event({ prev: [ghost], ...text('gone') })
  const middle = hold.event({ prev: [gone], ...text('middle') })
  const top = hold.event({ prev: [middle], ...text('top') })
  evil.answers(`${v1}/get_missing_events/`, () => ({ events: [middle.raw] }))
  evil.answers(`${v1}/event/`, (url) => ({
    pdus: [again, gone].filter(({ id }) => decodeURIComponent(url.pathname).endsWith(id)).map(({ raw }) => raw),
  }))
  const state = twice ? [...hold.state.values(), again] : [...hold.state.values()]
  evil.answers(`${v1}/state_ids/`, () => ({ pdu_ids: state.map(({ id }) => id), auth_chain_ids: [] }))
  const result = await send([top.raw])
  expect(result[top.id]?.error !== undefined).toBe(twice)
  expect(await seen(alice, hold.roomId)).toEqual(twice ? [] : ['middle', 'top'])
})

test('a slow server holds up itself, not the room', async () => {
  const { world, a, alice, evil, room } = await den()
  const hold = await room()
  const other = createEvil(world, 'slow.test')
  const slow = await getIn(world, other, a, hold.roomId, '11')
  let release: (() => void) | undefined
  let asked: (() => void) | undefined
  const wasAsked = new Promise<void>((resolve) => {
    asked = resolve
  })
  other.answers(`${v1}/get_missing_events/`, async () => {
    asked?.()
    await new Promise<void>((resolve) => {
      release = resolve
    })
    return { events: [] }
  })
  const ghost = { id: `$${'z'.repeat(43)}`, raw: { depth: 4 } }
  const stuck = slow.event({ prev: [ghost], ...text('stuck') })
  const waiting = other.ask(a, 'PUT', `${v1}/send/slow`, transaction(world, other, [stuck.raw]))
  await wasAsked
  // Others are heard at once; whoever has a gap as well, after a short while.
  const good = hold.event({ prev: [hold.joined], ...text('good') })
  expect((await evil.ask(a, 'PUT', `${v1}/send/g1`, transaction(world, evil, [good.raw]))).body.pdus).toEqual({ [good.id]: {} })
  const missing = hold.event({ prev: [good], ...text('missing') })
  const next = hold.event({ prev: [missing], ...text('next') })
  evil.answers(`${v1}/get_missing_events/`, () => ({ events: [missing.raw] }))
  const timers = vi.spyOn(world.clock, 'after')
  const gap = evil.ask(a, 'PUT', `${v1}/send/g2`, transaction(world, evil, [next.raw]))
  await vi.waitFor(() => expect(timers).toHaveBeenCalledWith(10_000, expect.any(Function)))
  await world.clock.advance(11_000)
  expect((await gap).body.pdus).toEqual({ [next.id]: {} })
  await say(alice, hold.roomId, 'still here')
  expect(await seen(alice, hold.roomId)).toEqual(['good', 'missing', 'next', 'still here'])
  release?.()
  await waiting
})

test('answers that are too large, no JSON, or of another form are no answers', async () => {
  const { attempt, send, room, evil, stored, expectUnharmed } = await den()
  const hold = await room()
  const before = stored()
  const ghost = { id: `$${'z'.repeat(43)}`, raw: { depth: 4 } }
  const answers: (() => unknown)[] = [
    () => new Response('x'.repeat(5 * 1024 * 1024)),
    () => new Response('{"events":['),
    () => ({ events: 'none' }),
    () => ({ events: [1, 2, 3] }),
    () => ({ events: Array(1000).fill({}) }),
    () => [],
  ]
  for (const [index, answer] of answers.entries()) {
    evil.answers(`${v1}/get_missing_events/`, answer)
    const event = hold.event({ prev: [ghost], ...text(`${index}`) })
    const { status, body } = await attempt([event.raw])
    if (status === 200) expect(body.pdus[event.id].error).toContain('what came before')
    else expect([status, body.errcode]).toEqual([503, 'M_UNKNOWN'])
  }
  expect(stored()).toBe(before)
  const good = hold.event({ prev: [hold.joined] })
  expect(await send([good.raw])).toEqual({ [good.id]: {} })
  await expectUnharmed()
})

test('bans hold against a fork that never heard of them', async () => {
  const { world, alice, bob, evil, room, send } = await den()
  const hold = await room()
  await bob.request('POST', `/_matrix/client/v3/join/${hold.roomId}`, {})
  await world.settled()
  const early = hold.event({ ...text('early'), prev: [hold.joined] })
  await send([early.raw])
  expect((await act(alice, 'ban', hold.roomId, { ...bob, userId: evil.userId })).status).toBe(200)
  // Rejoining, renaming and inviting on the old fork, with a state that says that nothing happened.
  const fork = [
    hold.event({
      type: 'm.room.member',
      state_key: evil.userId,
      content: { membership: 'join', displayname: 'back' },
      prev: [early],
    }),
    hold.event({ type: 'm.room.member', state_key: evil.userId, content: { membership: 'leave' }, prev: [early] }),
  ]
  await send(fork.map(({ raw }) => raw))
  await say(bob, hold.roomId, 'on all heads')
  expect(await membership(alice, hold.roomId, evil.userId)).toBe('ban')
  expect((await stateOf(alice, hold.roomId, 'm.room.power_levels')).users).toEqual({ [alice.userId]: 100 })
})

/** The id of the newest event that a user sees. */
async function latest(
  user: { request: (method: string, path: string) => Promise<{ body: { chunk: { event_id: string }[] } }> },
  roomId: string,
) {
  return (await user.request('GET', `/_matrix/client/v3/rooms/${roomId}/messages?dir=b&limit=1`)).body.chunk[0]!.event_id
}

/** What a server holds of an event. */
function statusOf(server: TestServer, eventId: string): unknown {
  return server.app.storage.reader.raw.prepare('SELECT status FROM events WHERE event_id = ?').pluck().get(eventId)
}

function idOf(raw: JsonObject, hold: Foothold): string {
  return toPdu(raw, hold.version).eventId
}
