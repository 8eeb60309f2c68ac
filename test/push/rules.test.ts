import { expect, test } from 'vitest'
import { pushRulesSource } from '../../src/push/stream.ts'
import { createWorld } from '../support/world.ts'

const base = '/_matrix/client/v3/pushrules'
const global = `${base}/global`

async function setUp() {
  const world = await createWorld()
  const server = await world.server('a.test')
  const alice = await server.register('alice')
  const get = async (path: string) => (await alice.request('GET', `${global}/${path}`)).body
  const put = (path: string, body: object) => alice.request('PUT', `${global}/${path}`, body)
  const ids = async (kind: string) => (await get(''))[kind].map((rule: { rule_id: string }) => rule.rule_id)
  return { server, alice, storage: server.app.storage, get, put, ids }
}

test('everybody begins with the predefined rules, and has them for themselves', async () => {
  const { server, alice, put, ids } = await setUp()
  const bob = await server.register('bob')
  const all = await alice.request('GET', `${base}/`)
  expect(Object.keys(all.body.global).sort()).toEqual(['content', 'override', 'room', 'sender', 'underride'])
  expect((await alice.request('GET', base)).body).toEqual(all.body)
  expect((await alice.request('GET', `${global}/`)).body).toEqual(all.body.global)
  expect((await alice.request('GET', global)).body).toEqual(all.body.global)
  await put('content/cake', { pattern: 'cake', actions: ['notify'] })
  expect(await ids('content')).toEqual(['cake'])
  expect((await bob.request('GET', `${base}/`)).body.global.content).toEqual([])
})

test('a rule is as it was sent, enabled, and not predefined', async () => {
  const { get, put } = await setUp()
  await put('sender/@spam:a.test', { actions: ['dont_notify'] })
  const rule = { rule_id: '@spam:a.test', default: false, enabled: true, actions: ['dont_notify'] }
  expect(await get('sender/@spam:a.test')).toEqual(rule)
  expect((await get('')).sender).toEqual([rule])
  const conditions = [{ kind: 'room_member_count', is: '<=10' }, { kind: 'org.example.future' }]
  await put('override/beer', { conditions, actions: ['notify', { set_tweak: 'sound', value: 'beer.wav' }] })
  expect(await get('override/beer')).toMatchObject({ conditions, actions: ['notify', { set_tweak: 'sound', value: 'beer.wav' }] })
  await put('underride/bare', { actions: [] })
  expect(await get('underride/bare')).toMatchObject({ conditions: [], actions: [] })
})

test('own rules come before the predefined ones, but after the master switch', async () => {
  const { put, ids } = await setUp()
  await put('override/mine', { actions: [] })
  await put('underride/mine', { actions: [] })
  const overrides = await ids('override')
  expect(overrides.slice(0, 3)).toEqual(['.m.rule.master', 'mine', '.m.rule.suppress_notices'])
  expect((await ids('underride'))[0]).toBe('mine')
})

test('new rules come first or where they are asked to', async () => {
  const { put, ids } = await setUp()
  const rule = { pattern: 'x', actions: [] }
  await put('content/a', rule)
  await put('content/b', rule)
  expect(await ids('content')).toEqual(['b', 'a'])
  await put('content/c?after=b', rule)
  await put('content/d?before=a', rule)
  expect(await ids('content')).toEqual(['b', 'c', 'd', 'a'])
  await put('content/e?before=b&after=a', rule)
  expect(await ids('content')).toEqual(['e', 'b', 'c', 'd', 'a'])
  await put('content/e?after=a', rule)
  expect(await ids('content')).toEqual(['b', 'c', 'd', 'a', 'e'])
})

test('a changed rule keeps its place and stays disabled', async () => {
  const { get, put, ids } = await setUp()
  await put('content/a', { pattern: 'x', actions: [] })
  await put('content/b', { pattern: 'x', actions: [] })
  await put('content/a/enabled', { enabled: false })
  await put('content/a', { pattern: 'y', actions: ['notify'] })
  expect(await ids('content')).toEqual(['b', 'a'])
  expect(await get('content/a')).toMatchObject({ pattern: 'y', actions: ['notify'], enabled: false })
})

test('predefined rules can be adjusted, not deleted', async () => {
  const { alice, get, put } = await setUp()
  const id = 'override/.m.rule.master'
  expect(await get(`${id}/enabled`)).toEqual({ enabled: false })
  expect(await put(`${id}/enabled`, { enabled: true })).toMatchObject({ status: 200, body: {} })
  expect(await get(`${id}/enabled`)).toEqual({ enabled: true })
  await put('underride/.m.rule.message/actions', { actions: [] })
  await put('underride/.m.rule.message/enabled', { enabled: false })
  expect(await get('underride/.m.rule.message')).toMatchObject({ default: true, enabled: false, actions: [] })
  expect(await get('underride/.m.rule.message/actions')).toEqual({ actions: [] })
  const { status, body } = await alice.request('DELETE', `${global}/${id}`)
  expect([status, body.errcode]).toEqual([404, 'M_NOT_FOUND'])
})

test('own rules can be deleted', async () => {
  const { alice, put, ids } = await setUp()
  await put('room/!a:a.test', { actions: [] })
  expect(await alice.request('DELETE', `${global}/room/!a:a.test`)).toMatchObject({ status: 200, body: {} })
  expect(await ids('room')).toEqual([])
  expect((await alice.request('DELETE', `${global}/room/!a:a.test`)).body.errcode).toBe('M_NOT_FOUND')
})

test.each([
  ['GET', 'content/none', undefined],
  ['GET', 'content/none/enabled', undefined],
  ['GET', 'content/none/actions', undefined],
  ['GET', 'flavour/none', undefined],
  ['PUT', 'content/none/enabled', { enabled: true }],
  ['PUT', 'content/none/actions', { actions: [] }],
  ['PUT', 'override/.m.rule.none/enabled', { enabled: true }],
  ['DELETE', 'content/none', undefined],
])('%s %s: there is no such rule', async (method, path, body) => {
  const { alice } = await setUp()
  const answer = await alice.request(method, `${global}/${path}`, body)
  expect([answer.status, answer.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
})

test.each([
  ['content/.mine', { pattern: 'x', actions: [] }, 'M_INVALID_PARAM'],
  ['content/a%2Fb', { pattern: 'x', actions: [] }, 'M_INVALID_PARAM'],
  ['content/a%5Cb', { pattern: 'x', actions: [] }, 'M_INVALID_PARAM'],
  ['flavour/a', { actions: [] }, 'M_INVALID_PARAM'],
  ['room/lobby', { actions: [] }, 'M_INVALID_PARAM'],
  ['sender/alice', { actions: [] }, 'M_INVALID_PARAM'],
  ['content/a', { actions: [] }, 'M_BAD_JSON'],
  ['content/a', { pattern: 'x' }, 'M_BAD_JSON'],
  ['content/a', { pattern: 'x', actions: ['shout'] }, 'M_BAD_JSON'],
  ['content/a', { pattern: 'x', actions: [{ tweak: 1 }] }, 'M_BAD_JSON'],
  ['override/a', { actions: [], conditions: [{}] }, 'M_BAD_JSON'],
  ['override/a', { actions: [], conditions: 'always' }, 'M_BAD_JSON'],
  ['content/a?before=none', { pattern: 'x', actions: [] }, 'M_UNKNOWN'],
  ['override/a?after=.m.rule.master', { actions: [] }, 'M_UNKNOWN'],
])('PUT %s %j is refused', async (path, body, code) => {
  const { put, storage } = await setUp()
  const before = storage.reader.position
  const answer = await put(path, body)
  expect([answer.status, answer.body.errcode]).toEqual([400, code])
  expect(storage.reader.position).toBe(before)
})

test('sync brings the rules at first and whenever they changed', async () => {
  const { alice, storage, put } = await setUp()
  await storage.write((tx) => tx.nextPosition())
  const source = (from: number) =>
    pushRulesSource({
      reader: storage.reader,
      userId: alice.userId,
      deviceId: alice.deviceId,
      from,
      to: storage.reader.position,
      joined: new Map(),
      newlyJoined: new Set(),
      filter: {},
    })
  const [first] = source(0)
  expect(first?.type).toBe('m.push_rules')
  expect(JSON.parse(first?.content ?? '').global.override[0].rule_id).toBe('.m.rule.master')
  for (const [path, body] of [
    ['room/!foo:a.test', { actions: ['notify'] }],
    ['room/!foo:a.test/enabled', { enabled: false }],
    ['room/!foo:a.test/actions', { actions: [] }],
  ] as const) {
    const from = storage.reader.position
    expect(source(from)).toEqual([])
    const woken = storage.waiters.wait([`user/${alice.userId}`], 1000, undefined)
    await put(path, body)
    expect(await woken).toBe('woken')
    expect(source(from)).toHaveLength(1)
  }
  expect(JSON.parse(source(0)[0]?.content ?? '').global.room).toEqual([
    { rule_id: '!foo:a.test', default: false, enabled: false, actions: [] },
  ])
})
