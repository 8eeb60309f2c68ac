import { expect, test } from 'vitest'
import { cheap } from '../accounts/cheap-world.ts'
import { createWorld, type TestUser } from '../support/world.ts'

async function setUp(wish: object = { preset: 'public_chat' }) {
  const world = await createWorld()
  const server = await world.server('a.test', {}, cheap)
  const alice = await server.register('alice')
  const bob = await server.register('bob')
  const roomId: string = (await alice.request('POST', '/_matrix/client/v3/createRoom', wish)).body.room_id
  const room = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}`
  let count = 0
  async function send(user: TestUser, type: string, target?: string, relation = 'm.thread'): Promise<string> {
    count += 1
    const relates = target === undefined ? {} : { 'm.relates_to': { rel_type: relation, event_id: target } }
    const content = { msgtype: 'm.text', body: `message ${count}`, ...relates }
    return (await user.request('PUT', `${room}/send/${type}/${count}`, content)).body.event_id
  }
  const relations = (user: TestUser, eventId: string, rest = '') =>
    user.request('GET', `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/relations/${encodeURIComponent(eventId)}${rest}`)
  const idsOf = ({ body }: { body: { chunk: { event_id: string }[] } }) => body.chunk.map(({ event_id }) => event_id)
  return { alice, bob, room, roomId, send, relations, idsOf }
}

test('what relates to an event is found by relation and type, the newest first', async () => {
  const { alice, send, relations, idsOf } = await setUp()
  const root = await send(alice, 'm.room.message')
  const reply = await send(alice, 'm.room.message', root)
  const other = await send(alice, 'org.example.other', root)
  const edit = await send(alice, 'm.room.message', root, 'm.replace')
  await send(alice, 'm.room.message', reply, 'm.replace')
  expect(idsOf(await relations(alice, root))).toEqual([edit, other, reply])
  expect(idsOf(await relations(alice, root, '?dir=f'))).toEqual([reply, other, edit])
  expect(idsOf(await relations(alice, root, '/m.thread'))).toEqual([other, reply])
  expect(idsOf(await relations(alice, root, '/m.thread/m.room.message'))).toEqual([reply])
  expect((await relations(alice, edit)).body).toEqual({ chunk: [] })
})

test('pages follow each other in both directions, also from a sync token', async () => {
  const { alice, send, relations, idsOf } = await setUp()
  const root = await send(alice, 'm.room.message')
  const replies: string[] = []
  for (let index = 0; index < 3; index += 1) replies.push(await send(alice, 'm.room.message', root))
  const since: string = (await alice.request('GET', '/_matrix/client/v3/sync')).body.next_batch
  for (let index = 0; index < 4; index += 1) replies.push(await send(alice, 'm.room.message', root))
  for (const [dir, order] of [['b', replies.toReversed()] as const, ['f', replies] as const]) {
    const first = await relations(alice, root, `?dir=${dir}&limit=3`)
    const second = await relations(alice, root, `?dir=${dir}&limit=3&from=${first.body.next_batch}`)
    const third = await relations(alice, root, `?dir=${dir}&limit=3&from=${second.body.next_batch}`)
    expect([first, second, third].flatMap(idsOf)).toEqual(order)
    expect(third.body.next_batch).toBeUndefined()
  }
  expect(idsOf(await relations(alice, root, `?dir=f&from=${since}`))).toEqual(replies.slice(3))
  expect(idsOf(await relations(alice, root, `?dir=b&to=${since}`))).toEqual(replies.slice(3).toReversed())
  expect((await relations(alice, root, '?from=nonsense')).body.errcode).toBe('M_INVALID_PARAM')
})

test('indirect relations are followed three levels deep where they are asked for', async () => {
  const { alice, send, relations, idsOf } = await setUp()
  const chain = [await send(alice, 'm.room.message')]
  for (let index = 0; index < 4; index += 1) chain.push(await send(alice, 'm.room.message', chain.at(-1), 'm.reference'))
  const [root = '', ...rest] = chain
  expect(idsOf(await relations(alice, root, '?recurse=false'))).toEqual(rest.slice(0, 1))
  const deep = await relations(alice, root, '?recurse=true')
  expect(idsOf(deep)).toEqual(rest.slice(0, 3).toReversed())
  expect(deep.body.recursion_depth).toBe(3)
})

test('a redacted event relates to nothing any more, and nobody can pretend to wait for one', async () => {
  const { alice, room, send, relations, idsOf } = await setUp()
  const root = await send(alice, 'm.room.message')
  const kept = await send(alice, 'm.room.message', root)
  const gone = await send(alice, 'm.room.message', root)
  await send(alice, 'm.room.message', root, 'm.hausbote.redaction')
  await alice.request('PUT', `${room}/redact/${encodeURIComponent(gone)}/r`, {})
  expect(idsOf(await relations(alice, root))).toEqual([kept])
  expect((await relations(alice, root, '/m.hausbote.redaction')).body.chunk).toEqual([])
})

test('who cannot see the event is told that there is none, who sees it sees of the rest what the history shows', async () => {
  const visibility = { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }
  const { alice, bob, room, send, relations, idsOf } = await setUp({ preset: 'public_chat', initial_state: [visibility] })
  const early = await send(alice, 'm.room.message')
  expect((await relations(bob, early)).body.errcode).toBe('M_NOT_FOUND')
  await bob.request('POST', `${room}/join`, {})
  expect((await relations(bob, early)).body.errcode).toBe('M_NOT_FOUND')
  const root = await send(alice, 'm.room.message')
  const seen = await send(alice, 'm.room.message', root)
  await bob.request('POST', `${room}/leave`, {})
  const unseen = await send(alice, 'm.room.message', root)
  expect(idsOf(await relations(bob, root))).toEqual([seen])
  expect(idsOf(await relations(alice, root))).toEqual([unseen, seen])
})
