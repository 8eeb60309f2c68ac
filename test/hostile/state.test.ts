import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/matrix/json.ts'
import { stateIds } from '../rooms/federation-kit.ts'
import { act, history, say, seen, setState, stateOf } from '../rooms/kit.ts'
import { madeByEvil } from './evil-room.ts'
import { den, type Made, maker, membership, seal, v1 } from './kit.ts'

const text = (body: string) => ({ content: { msgtype: 'm.text', body } })

test('who gave power away does not get it back by an old fork', async () => {
  // The hostile user had power, made events with it, and lost it; now they come on what was before.
  const { world, alice, room, send } = await den()
  const hold = await room('11', { power_level_content_override: { users: { '@alice:a.test': 100, '@mallory:evil.test': 90 } } })
  const levels = hold.state.get('m.room.power_levels|')!.raw.content as JsonObject
  await setState(alice, hold.roomId, 'm.room.power_levels', { ...levels, users: { [alice.userId]: 100 } })
  await world.settled()
  const here = { prev: [hold.joined] }
  const friends = { ...levels, users: { ...(levels.users as JsonObject), '@friend:evil.test': 90 } }
  const coup = [
    hold.event({ type: 'm.room.power_levels', state_key: '', content: friends, ...here }),
    hold.event({ type: 'm.room.topic', state_key: '', content: { topic: 'mine' }, ...here }),
    hold.event({ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'invite' }, ...here }),
    hold.event({ type: 'm.room.member', state_key: alice.userId, content: { membership: 'ban' }, ...here }),
  ]
  await send(coup.map(({ raw }) => raw))
  await say(alice, hold.roomId, 'on all heads')
  expect((await stateOf(alice, hold.roomId, 'm.room.power_levels')).users).toEqual({ [alice.userId]: 100 })
  expect(await membership(alice, hold.roomId, alice.userId)).toBe('join')
  expect(await stateOf(alice, hold.roomId, 'm.room.join_rules')).toEqual({ join_rule: 'public' })
  expect((await alice.request('GET', `/_matrix/client/v3/rooms/${hold.roomId}/state/m.room.topic/`)).status).toBe(404)
})

test.each(['10', '11', '12'])('room version %s: a state told with lies resets nothing', async (version) => {
  const { world, alice, bob, evil, room, send } = await den()
  const hold = await room(version)
  await bob.request('POST', `/_matrix/client/v3/join/${encodeURIComponent(hold.roomId)}`, {})
  const banned = await act(alice, 'ban', hold.roomId, { ...alice, userId: '@other:evil.test' })
  expect(banned.status).toBe(200)
  await setState(alice, hold.roomId, 'm.room.topic', { topic: 'as it is' })
  await world.settled()
  const before = await stateIds(alice, hold.roomId)
  // An event on one that nobody has, at which the room had only just begun, as the hostile server says.
  const ghost = { id: `$${'s'.repeat(43)}`, raw: { depth: 3 } }
  const lost = hold.event({ prev: [ghost], ...text('lost') })
  const middle = hold.event({ prev: [lost], ...text('middle') })
  const top = hold.event({ prev: [middle], ...text('top') })
  evil.answers(`${v1}/get_missing_events/`, () => ({ events: [middle.raw] }))
  evil.answers(`${v1}/event/`, () => ({ pdus: [lost.raw] }))
  const kept = [...hold.state].filter(
    ([key]) => key.startsWith('m.room.create') || key.endsWith(evil.userId) || key.endsWith(alice.userId),
  )
  evil.answers(`${v1}/state_ids/`, () => ({ pdu_ids: kept.map(([, { id }]) => id), auth_chain_ids: [] }))
  await send([top.raw])
  await say(alice, hold.roomId, 'on all heads')
  expect(await stateIds(alice, hold.roomId)).toEqual(before)
})

test.each(['6', '11'])('room version %s: whoever made the room id cannot make another room of it', async (version) => {
  const { world, bob, evil, send } = await den()
  const hold = await madeByEvil(world, evil, bob, version)
  const levels = { users: { [bob.userId]: 100 }, users_default: 0 }
  const passed = hold.event({ type: 'm.room.power_levels', state_key: '', content: levels })
  expect(await send([passed.raw])).toEqual({ [passed.id]: {} })
  hold.state.set('m.room.power_levels|', passed)
  await setState(bob, hold.roomId, 'm.room.name', { name: 'ours' })
  const before = await stateIds(bob, hold.roomId)
  // A second room with the same id, in which everything is as it was, and the hostile user has all power.
  const { signatures: _, hashes: __, ...bare } = hold.state.get('m.room.create|')!.raw
  const state = new Map<string, Made>()
  const create = seal(evil.signer, hold.version, { ...bare, origin_server_ts: 77 })
  state.set('m.room.create|', create)
  const { event } = maker(world, evil, hold.version, hold.roomId, state, create)
  const put = (type: string, state_key: string, content: JsonObject) =>
    state.set(`${type}|${state_key}`, event({ type, state_key, content }))
  put('m.room.member', evil.userId, { membership: 'join' })
  put('m.room.power_levels', '', { users: { [evil.userId]: 100 } })
  put('m.room.join_rules', '', { join_rule: 'public' })
  const topic = event({ type: 'm.room.topic', state_key: '', content: { topic: 'mine' } })
  const all = [...state.values(), topic]
  const told = (chain: readonly Made[]) => ({ pdu_ids: chain.map(({ id }) => id), auth_chain_ids: chain.map(({ id }) => id) })
  evil.answers(`${v1}/event/`, (url) => ({
    pdus: all.filter(({ id }) => decodeURIComponent(url.pathname).endsWith(id)).map(({ raw }) => raw),
  }))
  evil.answers(`${v1}/event_auth/`, () => ({ auth_chain: all.map(({ raw }) => raw) }))
  evil.answers(`${v1}/state_ids/`, () => told([...state.values()]))
  evil.answers(`${v1}/get_missing_events/`, () => ({ events: all.slice(1).map(({ raw }) => raw) }))
  const talk = event(text('in the other room'))
  await send([...all, talk].map(({ raw }) => raw))
  await say(bob, hold.roomId, 'on all heads')
  expect(await stateIds(bob, hold.roomId)).toEqual(before)
  expect(await seen(bob, hold.roomId)).toEqual(['on all heads'])
})

test('what somebody reads of the past is what led to the present, not what a server likes to tell', async () => {
  const { world, bob, evil } = await den()
  const hold = await madeByEvil(world, evil, bob)
  const last = [...hold.state.values()].at(-1)!
  const invented = hold.event({ prev: [last], ...text('invented') })
  evil.answers(`${v1}/backfill/`, () => ({
    origin: evil.name,
    origin_server_ts: 1,
    pdus: [invented, ...hold.state.values()].map(({ raw }) => raw),
  }))
  evil.answers(`${v1}/state_ids/`, () => ({ pdu_ids: [...hold.state.values()].map(({ id }) => id), auth_chain_ids: [] }))
  const types = (await history(bob, hold.roomId)).map(({ type }) => type)
  expect(types.filter((type) => type === 'm.room.message')).toEqual([])
  expect(types[0]).toBe('m.room.create')
})

test('a past that is told does not keep the events of the present out of the state', async () => {
  // The hostile server knows of a change that has not arrived yet, and tells a past that stands on it.
  const { alice, evil, room, send } = await den()
  const hold = await room('11', { power_level_content_override: { state_default: 0 } })
  const change = hold.event({ type: 'm.room.topic', state_key: '', content: { topic: 'changed' } })
  const [past, middle, top] = [hold.event(text('past')), hold.event(text('middle')), hold.event(text('top'))]
  const ids = [...hold.state.values()].map(({ id }) => id)
  evil.answers(`${v1}/get_missing_events/`, () => ({ events: [middle.raw] }))
  evil.answers(`${v1}/event/`, (url) => ({ pdus: decodeURIComponent(url.pathname).endsWith(past.id) ? [past.raw] : [] }))
  evil.answers(`${v1}/state_ids/`, () => ({ pdu_ids: ids, auth_chain_ids: [] }))
  evil.answers(`${v1}/backfill/`, () => ({ origin: evil.name, origin_server_ts: 1, pdus: [past.raw] }))
  expect(await send([top.raw])).toEqual({ [top.id]: {} })
  expect(await seen(alice, hold.roomId)).toEqual(['past', 'middle', 'top'])
  expect(await send([change.raw])).toEqual({ [change.id]: {} })
  expect(await stateOf(alice, hold.roomId, 'm.room.topic')).toEqual({ topic: 'changed' })
})

test('a server that makes a fork with each event is held up, until others have stood on them', async () => {
  const { alice, room, send } = await den()
  const hold = await room()
  const forks = Array.from({ length: 60 }, (_, index) => hold.event({ prev: [hold.joined], ...text(`${index}`) }))
  const results = [
    ...Object.values(await send(forks.slice(0, 30).map(({ raw }) => raw))),
    ...Object.values(await send(forks.slice(30).map(({ raw }) => raw))),
  ]
  expect(results.slice(0, 50).every(({ error }) => error === undefined)).toBe(true)
  expect(results.slice(50).every(({ error }) => error?.includes('nothing stands on'))).toBe(true)
  // Whoever stands on what is there is heard all the same, and makes room.
  const onTop = hold.event({ prev: forks.slice(0, 5), ...text('on top') })
  expect(await send([onTop.raw])).toEqual({ [onTop.id]: {} })
  await say(alice, hold.roomId, 'on twenty of them')
  const last = forks.at(-1)!
  expect(await send([last.raw])).toEqual({ [last.id]: {} })
  expect((await seen(alice, hold.roomId)).length).toBe(53)
})

test('forks whose states differ resolve to the same as one after the other', async () => {
  // What was resolved is remembered as long as nothing changes the states of the ends: this must change nothing.
  const { alice, room, send } = await den()
  const hold = await room('11', { power_level_content_override: { state_default: 0 } })
  const entry = (index: number, value: string) =>
    hold.event({ type: 'org.example', state_key: `${index}`, content: { value }, prev: [hold.joined] })
  const talk = (index: number) => hold.event({ prev: [hold.joined], ...text(`${index}`) })
  for (let index = 0; index < 5; index += 1) {
    await send([talk(index).raw, entry(index, 'one').raw, talk(index + 10).raw, talk(index + 20).raw])
    expect(await stateOf(alice, hold.roomId, 'org.example', `${index}`)).toEqual({ value: 'one' })
    if (index % 2 === 1) await setState(alice, hold.roomId, 'm.room.topic', { topic: `${index}` })
    await send([talk(index + 30).raw])
  }
  for (let index = 0; index < 5; index += 1) {
    expect(await stateOf(alice, hold.roomId, 'org.example', `${index}`)).toEqual({ value: 'one' })
  }
  expect(await stateOf(alice, hold.roomId, 'm.room.topic')).toEqual({ topic: '3' })
})
