import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/matrix/json.ts'
import { askAs, createPeer } from '../federation/kit.ts'
import { joinVia, pair, stateIds } from './federation-kit.ts'
import { createRoom, history, say, setState } from './kit.ts'
import { enter, idsOf, of, type Scene, scene, sealed, transact, versionNamed } from './serving-kit.ts'

const charlie = '@charlie:peer.test'

function cited(pdu: JsonObject): string[] {
  return (pdu.auth_events as (string | [string, object])[]).map((one) => (typeof one === 'string' ? one : one[0]))
}

/** Every question about a room that a server in it may ask. */
const questions = (roomId: string, eventId: string): readonly [target: string, content?: JsonObject][] => [
  [`/event/${of(eventId)}`],
  [`/state/${of(roomId)}?event_id=${of(eventId)}`],
  [`/state_ids/${of(roomId)}?event_id=${of(eventId)}`],
  [`/event_auth/${of(roomId)}/${of(eventId)}`],
  [`/backfill/${of(roomId)}?v=${of(eventId)}&limit=5`],
  [`/get_missing_events/${of(roomId)}`, { earliest_events: [], latest_events: [eventId] }],
  [`/timestamp_to_event/${of(roomId)}?ts=0&dir=f`],
]

async function refusals(s: Scene, roomId: string, eventId: string): Promise<unknown[]> {
  const answers = await Promise.all(questions(roomId, eventId).map(([target, content]) => s.ask(target, content)))
  return answers.map(({ status, body }) => (status === 200 ? 'answered' : [status, body.errcode]))
}

const everywhere = (what: unknown) => Array.from({ length: 7 }, () => what)

async function missing(s: Scene, roomId: string, more: JsonObject) {
  const answer = await s.ask(`/get_missing_events/${of(roomId)}`, { earliest_events: [], ...more })
  expect(answer.status).toBe(200)
  return answer.body.events as (JsonObject & { content: JsonObject })[]
}

describe('a server that is in a room', () => {
  test.each(['1', '6', '10', '11', '12'])('reads the state of a room of version %s, as events and as ids', async (version) => {
    const s = await scene()
    const roomId = await createRoom(s.alice, { preset: 'public_chat', room_version: version, name: 'Practice' })
    const before = await stateIds(s.alice, roomId)
    const join = await enter(s, roomId, charlie, { version })
    const ids = await s.ask(`/state_ids/${of(roomId)}?event_id=${of(join)}`)
    expect(ids.status).toBe(200)
    expect(ids.body.pdu_ids.toSorted()).toEqual(Object.values(before).toSorted())
    const whole = await s.ask(`/state/${of(roomId)}?event_id=${of(join)}`)
    expect(idsOf(whole.body.pdus, version)).toEqual(ids.body.pdu_ids)
    expect(idsOf(whole.body.auth_chain, version)).toEqual(ids.body.auth_chain_ids)
    // Everything that an event of the answer cites is in the answer.
    const known = new Set([...ids.body.pdu_ids, ...ids.body.auth_chain_ids])
    for (const pdu of [...whole.body.pdus, ...whole.body.auth_chain]) for (const id of cited(pdu)) expect(known).toContain(id)
  })

  test.each(['1', '11', '12'])('reads the auth chain of an event of version %s, what is cited first', async (version) => {
    const s = await scene()
    const roomId = await createRoom(s.alice, { preset: 'public_chat', room_version: version })
    await enter(s, roomId, charlie, { version })
    const message = await say(s.alice, roomId, 'hello')
    const state = await stateIds(s.alice, roomId)
    const chain = await s.ask(`/event_auth/${of(roomId)}/${of(message)}`)
    const types = ['m.room.create|', `m.room.member|${s.alice.userId}`, 'm.room.power_levels|']
    expect(idsOf(chain.body.auth_chain, version)).toEqual(types.map((type) => state[type]))
  })

  test('reads single events, and is told of none that there are not', async () => {
    const s = await scene()
    const roomId = await createRoom(s.alice)
    await enter(s, roomId, charlie)
    const message = await say(s.alice, roomId, 'hello')
    const { body } = await s.ask(`/event/${of(message)}`)
    expect(body).toMatchObject({ origin: 'a.test', pdus: [{ content: { body: 'hello' }, room_id: roomId }] })
    expect(idsOf(body.pdus)).toEqual([message])
    const none = questions(roomId, '$none').slice(0, 4)
    for (const [target] of none) expect(await s.ask(target)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })

  test('reads back from events, newest first, as far as it wants to', async () => {
    const s = await scene()
    const roomId = await createRoom(s.alice)
    await enter(s, roomId, charlie)
    for (let count = 0; count < 120; count += 1) await say(s.alice, roomId, `message ${count}`)
    const events = (await history(s.alice, roomId)).map((event) => event.event_id).reverse()
    const page = async (from: string, limit: number) =>
      idsOf((await s.ask(`/backfill/${of(roomId)}?v=${of(from)}&limit=${limit}`)).body.pdus)
    expect(await page(events[0] ?? '', 7)).toEqual(events.slice(0, 7))
    expect(await page(events[10] ?? '', 1)).toEqual(events.slice(10, 11))
    expect(await page(events[0] ?? '', 5000)).toEqual(events.slice(0, 100))
    expect(await page(events[100] ?? '', 100)).toEqual(events.slice(100))
    expect(await page('$none', 100)).toEqual([])
  })

  test('reads what lies between events, oldest first', async () => {
    const s = await scene()
    const roomId = await createRoom(s.alice)
    await enter(s, roomId, charlie)
    for (let count = 0; count < 80; count += 1) await say(s.alice, roomId, `message ${count}`)
    const events = (await history(s.alice, roomId)).map((event) => event.event_id)
    const between = async (first: number, last: number, more: JsonObject = {}) => {
      const wish = { earliest_events: [events.at(first) ?? ''], latest_events: [events.at(last) ?? ''], ...more }
      return idsOf(await missing(s, roomId, wish))
    }
    expect(await between(-9, -1)).toEqual(events.slice(-8, -1))
    expect(await between(-30, -1)).toEqual(events.slice(-11, -1))
    expect(await between(0, -1, { limit: 1000 })).toEqual(events.slice(-51, -1))
    expect(await between(0, -1, { limit: 5 })).toEqual(events.slice(-6, -1))
    expect(await between(0, 20, { limit: 50, min_depth: 18 })).toEqual(events.slice(17, 20))
    expect(await between(-1, -1)).toEqual([])
    expect(await between(0, -1, { limit: 0 })).toEqual([])
  })

  test('reads all branches of a graph that forks', async () => {
    const s = await scene()
    const roomId = await createRoom(s.alice)
    const join = await enter(s, roomId, charlie)
    const { depth } = (await s.ask(`/event/${of(join)}`)).body.pdus[0]
    const state = await stateIds(s.alice, roomId)
    const message = (body: string, prev_events: string[], above: number) =>
      sealed(
        s.peer,
        {
          room_id: roomId,
          sender: charlie,
          origin_server_ts: s.world.clock.now(),
          auth_events: ['m.room.power_levels|', `m.room.member|${charlie}`].map((key) => state[key] ?? ''),
          prev_events,
          depth: depth + above,
          type: 'm.room.message',
          content: { body },
        },
        versionNamed('12'),
      )
    const [left, right] = [message('left', [join], 1), message('right', [join], 1)]
    const further = message('further right', [right.id], 2)
    const together = message('together', [left.id, further.id], 3)
    await transact(
      s,
      [left, right, further, together].map(({ raw }) => raw),
    )
    const back = async (limit: number, ...from: string[]) => {
      const { body } = await s.ask(`/backfill/${of(roomId)}?${from.map((id) => `v=${of(id)}`).join('&')}&limit=${limit}`)
      return idsOf(body.pdus)
    }
    expect(await back(5, together.id)).toEqual([together.id, further.id, right.id, left.id, join])
    expect(await back(4, left.id, further.id)).toEqual([further.id, right.id, left.id, join])
    const wish = { latest_events: [together.id], earliest_events: [join] }
    expect(idsOf(await missing(s, roomId, wish))).toEqual([left.id, right.id, further.id])
    expect(idsOf(await missing(s, roomId, { ...wish, limit: 2 }))).toEqual([left.id, further.id])
  })

  test('reads events that are known here as parts of a state alone, and is told where no state is known', async () => {
    const { world, b, alice, bob } = await pair()
    const roomId = await createRoom(alice, { preset: 'public_chat', name: 'Practice' })
    await joinVia(bob, roomId, 'a.test')
    await world.settled()
    const peer = createPeer(world, 'peer.test')
    await enter({ a: b, peer }, roomId, charlie)
    await world.settled()
    const named = (await stateIds(bob, roomId))['m.room.name|'] ?? ''
    const ask = (target: string) => askAs(peer.signer, b, 'GET', `/_matrix/federation/v1${target}`)
    expect((await ask(`/event/${of(named)}`)).body.pdus).toMatchObject([{ content: { name: 'Practice' } }])
    expect((await ask(`/event_auth/${of(roomId)}/${of(named)}`)).body.auth_chain).toHaveLength(3)
    for (const path of ['state', 'state_ids'])
      expect(await ask(`/${path}/${of(roomId)}?event_id=${of(named)}`)).toMatchObject({
        status: 404,
        body: { errcode: 'M_NOT_FOUND' },
      })
    expect((await ask(`/backfill/${of(roomId)}?v=${of(named)}&limit=9`)).body.pdus).toEqual([])
  })

  test('finds the event closest to a time', async () => {
    const s = await scene()
    const roomId = await createRoom(s.alice)
    await enter(s, roomId, charlie)
    await s.world.clock.advance(1000)
    const first = await say(s.alice, roomId, 'first')
    const noon = s.world.clock.now()
    const second = await say(s.alice, roomId, 'second')
    const found = async (ts: number, dir: string) => {
      const { status, body } = await s.ask(`/timestamp_to_event/${of(roomId)}?ts=${ts}&dir=${dir}`)
      return status === 200 ? [body.event_id, body.origin_server_ts] : [status, body.errcode]
    }
    expect(await found(noon, 'b')).toEqual([second, noon])
    expect(await found(noon - 500, 'f')).toEqual([first, noon])
    expect(await found(noon + 1, 'f')).toEqual([404, 'M_NOT_FOUND'])
    expect(await found(1, 'b')).toEqual([404, 'M_NOT_FOUND'])
    expect(await found(noon, 'sideways')).toEqual([400, 'M_INVALID_PARAM'])
  })

  test('is told what is wrong with its question', async () => {
    const s = await scene()
    const roomId = await createRoom(s.alice)
    await enter(s, roomId, charlie)
    const problem = async (target: string, content?: JsonObject) => {
      const { status, body } = await s.ask(target, content)
      return [status, body.errcode]
    }
    expect(await problem(`/state/${of(roomId)}`)).toEqual([400, 'M_MISSING_PARAM'])
    expect(await problem(`/backfill/${of(roomId)}?limit=5`)).toEqual([400, 'M_MISSING_PARAM'])
    expect(await problem(`/backfill/${of(roomId)}?v=$x&limit=none`)).toEqual([400, 'M_INVALID_PARAM'])
    expect(await problem(`/get_missing_events/${of(roomId)}`, { latest_events: [] })).toEqual([400, 'M_BAD_JSON'])
  })
})

describe('nothing is said to', () => {
  test('a server that is not in the room, never was, or is no longer', async () => {
    const s = await scene()
    const roomId = await createRoom(s.alice)
    const message = await say(s.alice, roomId, 'hello')
    expect(await refusals(s, roomId, message)).toEqual(everywhere([403, 'M_FORBIDDEN']))
    await enter(s, roomId, charlie)
    expect(await refusals(s, roomId, message)).toEqual(everywhere('answered'))
    await enter(s, roomId, charlie, { wish: 'leave' })
    expect(await refusals(s, roomId, message)).toEqual(everywhere([403, 'M_FORBIDDEN']))
    const unknown = await refusals(s, '!nowhere:a.test', message)
    expect(unknown.slice(1)).toEqual(everywhere([403, 'M_FORBIDDEN']).slice(1))
  })

  test('a server whose users only knocked', async () => {
    const s = await scene()
    const roomId = await createRoom(s.alice)
    await setState(s.alice, roomId, 'm.room.join_rules', { join_rule: 'knock' })
    const message = await say(s.alice, roomId, 'hello')
    await enter(s, roomId, charlie, { wish: 'knock' })
    expect(await refusals(s, roomId, message)).toEqual(everywhere([403, 'M_FORBIDDEN']))
  })

  test('a server that the room excludes', async () => {
    const s = await scene()
    const roomId = await createRoom(s.alice)
    await enter(s, roomId, charlie)
    const message = await say(s.alice, roomId, 'hello')
    await setState(s.alice, roomId, 'm.room.server_acl', { allow: ['*'], deny: ['peer.test'] })
    expect(await refusals(s, roomId, message)).toEqual(everywhere([403, 'M_FORBIDDEN']))
  })

  test('a server in one room about events of another', async () => {
    const s = await scene()
    const [roomId, secret] = [await createRoom(s.alice), await createRoom(s.alice)]
    await enter(s, roomId, charlie)
    const message = await say(s.alice, secret, 'hello')
    const [event, state, ids, chain, back, between] = await Promise.all(
      questions(roomId, message).map(([target, content]) => s.ask(target, content)),
    )
    expect(event).toMatchObject({ status: 403 })
    for (const answer of [state, ids, chain]) expect(answer).toMatchObject({ status: 404 })
    expect(back?.body.pdus).toEqual([])
    expect(between?.body.events).toEqual([])
  })
})

describe('history visibility', () => {
  async function roomWith(visibility: string) {
    const s = await scene()
    const roomId = await createRoom(s.alice)
    if (visibility !== 'shared') await setState(s.alice, roomId, 'm.room.history_visibility', { history_visibility: visibility })
    await setState(s.alice, roomId, 'm.room.topic', { topic: 'old topic' })
    await say(s.alice, roomId, 'before')
    await setState(s.alice, roomId, 'm.room.topic', { topic: 'new topic' })
    const join = await enter(s, roomId, charlie)
    const last = await say(s.alice, roomId, 'after')
    return { s, roomId, join, last }
  }
  const shown = (events: readonly (JsonObject & { content: JsonObject })[]) =>
    events.flatMap(({ type, content }) =>
      type === 'm.room.message' ? [content.body ?? 'redacted'] : type === 'm.room.topic' ? [content.topic ?? 'redacted'] : [],
    )

  test.each([
    ['world_readable', ['old topic', 'before', 'new topic']],
    ['shared', ['old topic', 'before', 'new topic']],
    ['invited', ['redacted', 'redacted', 'new topic']],
    ['joined', ['redacted', 'redacted', 'new topic']],
  ])('%s: what came before the join is sent so', async (visibility, expected) => {
    const { s, roomId, join, last } = await roomWith(visibility)
    const events = await missing(s, roomId, { latest_events: [join], limit: 50 })
    expect(shown(events)).toEqual(expected)
    const { body } = await s.ask(`/backfill/${of(roomId)}?v=${of(last)}&limit=100`)
    expect(shown(body.pdus.toReversed())).toEqual([...expected, 'after'])
    // What is redacted is the same event.
    const ids = (await history(s.alice, roomId)).map((event) => event.event_id)
    expect(idsOf(body.pdus.toReversed())).toEqual(ids)
    for (const [index, message] of events.entries()) {
      const single = await s.ask(`/event/${of(idsOf(events)[index] ?? '')}`)
      expect(single.body.pdus).toEqual([message])
    }
  })

  test('joined: what was said while nobody of the server was there stays hidden, what was said before does not', async () => {
    const s = await scene()
    const roomId = await createRoom(s.alice)
    await setState(s.alice, roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
    await enter(s, roomId, charlie)
    await say(s.alice, roomId, 'one')
    await enter(s, roomId, '@dora:peer.test')
    await enter(s, roomId, charlie, { wish: 'leave' })
    await say(s.alice, roomId, 'two')
    await enter(s, roomId, '@dora:peer.test', { wish: 'leave' })
    await say(s.alice, roomId, 'three')
    await enter(s, roomId, charlie)
    const last = await say(s.alice, roomId, 'four')
    const { body } = await s.ask(`/backfill/${of(roomId)}?v=${of(last)}&limit=100`)
    expect(shown(body.pdus.toReversed())).toEqual(['one', 'two', 'redacted', 'four'])
  })
})

test('rejected events are passed over, those that failed softly are not', async () => {
  const s = await scene()
  const roomId = await createRoom(s.alice)
  const join = await enter(s, roomId, charlie)
  const { body } = await s.ask(`/event/${of(join)}`)
  const [joined] = body.pdus
  const state = await stateIds(s.alice, roomId)
  const authEvents = ['m.room.power_levels|', `m.room.member|${charlie}`].map((key) => state[key] ?? '')
  const bare = (more: JsonObject): JsonObject => ({
    room_id: roomId,
    sender: charlie,
    origin_server_ts: s.world.clock.now(),
    auth_events: authEvents,
    prev_events: [join],
    depth: joined.depth + 1,
    type: 'm.room.message',
    content: { body: 'hello' },
    ...more,
  })
  const version = versionNamed('12')
  const forbidden = sealed(s.peer, bare({ type: 'm.room.name', state_key: '', content: { name: 'mine' } }), version)
  const beyond = sealed(s.peer, bare({ prev_events: [forbidden.id], depth: joined.depth + 2 }), version)
  const results = await transact(s, [forbidden.raw, beyond.raw])
  expect(results).toEqual({ [forbidden.id]: { error: expect.any(String) }, [beyond.id]: {} })
  const back = await s.ask(`/backfill/${of(roomId)}?v=${of(beyond.id)}&limit=2`)
  expect(idsOf(back.body.pdus)).toEqual([beyond.id, join])
  expect(idsOf(await missing(s, roomId, { latest_events: [beyond.id], earliest_events: joined.prev_events }))).toEqual([join])
  await s.alice.request('POST', `/_matrix/client/v3/rooms/${roomId}/ban`, { user_id: charlie })
  const late = sealed(s.peer, bare({ content: { body: 'said before the ban' } }), version)
  await transact(s, [late.raw])
  await enterAgain(s, roomId)
  const softly = await s.ask(`/backfill/${of(roomId)}?v=${of(late.id)}&limit=2`)
  expect(idsOf(softly.body.pdus)).toEqual([late.id, join])
})

async function enterAgain(s: Scene, roomId: string): Promise<void> {
  await s.alice.request('POST', `/_matrix/client/v3/rooms/${roomId}/unban`, { user_id: charlie })
  await enter(s, roomId, charlie)
}
