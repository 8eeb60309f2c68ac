import { expect, test } from 'vitest'
import { cast, createRoom, history, join, leave, ok, type RoomEvent, refused, say, setState, stateOf, v3 } from './kit.ts'

const text = { msgtype: 'm.text', body: 'Hello' }

test('one transaction of one device is carried out once, over restarts too', async () => {
  const { server, alice } = await cast()
  const second = await server.login('alice')
  const [roomId, other] = [await createRoom(alice), await createRoom(alice)]
  const path = `${v3}/rooms/${roomId}/send/m.room.message/1`
  const first = await ok(alice, 'PUT', path, text)
  expect(await ok(alice, 'PUT', path, { ...text, body: 'Another' })).toEqual(first)
  await server.restart()
  expect(await ok(alice, 'PUT', path, text)).toEqual(first)
  const different = [
    await ok(second, 'PUT', path, text),
    await ok(alice, 'PUT', `${v3}/rooms/${roomId}/send/m.room.message/2`, text),
    await ok(alice, 'PUT', `${v3}/rooms/${roomId}/send/org.test/1`, text),
    await ok(alice, 'PUT', `${v3}/rooms/${other}/send/m.room.message/1`, text),
  ]
  expect(new Set([first, ...different].map(({ event_id: id }) => id)).size).toBe(5)
  const atOnce = await Promise.all(
    Array.from({ length: 5 }, () => ok(alice, 'PUT', `${v3}/rooms/${roomId}/send/m.room.message/3`, text)),
  )
  expect(new Set(atOnce.map(({ event_id: id }) => id)).size).toBe(1)
})

test('only the device that sent an event is told its transaction id', async () => {
  const { server, alice, bob } = await cast()
  const second = await server.login('alice')
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  await ok(alice, 'PUT', `${v3}/rooms/${roomId}/send/m.room.message/txn%20%C3%BC`, text)
  const ids = await Promise.all(
    [alice, second, bob].map(async (user) => (await history(user, roomId)).at(-1)?.unsigned.transaction_id),
  )
  expect(ids).toEqual(['txn ü', undefined, undefined])
})

test('a transaction that was refused can be tried again', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice)
  const path = `${v3}/rooms/${roomId}/send/m.room.message/1`
  expect(await refused(bob, 'PUT', path, text)).toEqual([403, 'M_FORBIDDEN'])
  await join(bob, roomId)
  await ok(bob, 'PUT', path, text)
  expect(await refused(bob, 'PUT', `${v3}/rooms/${roomId}/send/m.room.message/${'x'.repeat(256)}`, text)).toEqual([
    400,
    'M_INVALID_PARAM',
  ])
})

test('levels decide who sends what', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice, {
    preset: 'public_chat',
    power_level_content_override: { events: { 'org.test.quiet': 50, 'org.test.open': 0 }, events_default: 0 },
  })
  await join(bob, roomId)
  const status = async (path: string) => (await bob.request('PUT', `${v3}/rooms/${roomId}/${path}`, text)).status
  expect(await status('send/m.room.message/1')).toBe(200)
  expect(await status('send/org.test.quiet/2')).toBe(403)
  expect(await status('state/m.room.topic/')).toBe(403)
  expect(await status('state/org.test.open/')).toBe(200)
  expect(await status(`state/org.test.open/${bob.userId}`)).toBe(200)
  // Keys that begin with @ belong to the user that they name.
  expect(await status(`state/org.test.open/${alice.userId}`)).toBe(403)
  await leave(bob, roomId)
  expect(await status('send/m.room.message/3')).toBe(403)
})

test('state: content, the whole event, an empty key with and without its slash', async () => {
  const { server, alice, bob } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  const room = `${v3}/rooms/${roomId}/state`
  await ok(alice, 'PUT', `${room}/org.test`, { n: 1 })
  const { event_id: id } = await ok(alice, 'PUT', `${room}/org.test/`, { n: 2 })
  await ok(alice, 'PUT', `${room}/org.test/a%20%2F%20b`, { n: 3 })
  for (const path of ['org.test', 'org.test/']) expect(await ok(bob, 'GET', `${room}/${path}`)).toEqual({ n: 2 })
  expect(await ok(bob, 'GET', `${room}/org.test/a%20%2F%20b`)).toEqual({ n: 3 })
  expect(await refused(bob, 'GET', `${room}/org.test/none`)).toEqual([404, 'M_NOT_FOUND'])
  // Not through the judge: to the description every event is a content as well, and so two things of which it allows one.
  const answer = await server.app.client.request(`${room}/org.test?format=event`, {
    headers: { authorization: `Bearer ${bob.accessToken}` },
  })
  const body = (await answer.json()) as RoomEvent
  expect(body).toMatchObject({ event_id: id, type: 'org.test', state_key: '', content: { n: 2 }, room_id: roomId })
  expect(body.unsigned).toMatchObject({ prev_content: { n: 1 }, prev_sender: alice.userId })
  const state: RoomEvent[] = await ok(bob, 'GET', room)
  expect(state.filter(({ type }) => type === 'org.test').map(({ content }) => content.n)).toEqual([2, 3])
})

test('an event has at most 65,536 bytes', async () => {
  const { alice } = await cast()
  const roomId = await createRoom(alice)
  const size = (length: number) => ({ msgtype: 'm.text', body: 'x'.repeat(length) })
  expect(await refused(alice, 'PUT', `${v3}/rooms/${roomId}/send/m.room.message/1`, size(66_000))).toEqual([413, 'M_TOO_LARGE'])
  expect(await refused(alice, 'PUT', `${v3}/rooms/${roomId}/send/m.room.message/1`, size(65_400))).toEqual([413, 'M_TOO_LARGE'])
  expect(await refused(alice, 'PUT', `${v3}/rooms/${roomId}/state/org.test/`, size(65_400))).toEqual([413, 'M_TOO_LARGE'])
  // Characters are counted as bytes of UTF-8.
  expect(await refused(alice, 'PUT', `${v3}/rooms/${roomId}/send/m.room.message/1`, { body: 'ü'.repeat(33_000) })).toEqual([
    413,
    'M_TOO_LARGE',
  ])
  await ok(alice, 'PUT', `${v3}/rooms/${roomId}/send/m.room.message/1`, size(64_000))
  expect(await refused(alice, 'PUT', `${v3}/rooms/${roomId}/send/${'t'.repeat(256)}/2`, {})).toEqual([400, 'M_BAD_JSON'])
  expect(await refused(alice, 'PUT', `${v3}/rooms/${roomId}/state/org.test/${'k'.repeat(256)}`, {})).toEqual([400, 'M_BAD_JSON'])
})

test.each([
  ['a float', '{"a":{"b":[1,1.5]}}', 'a.b.1'],
  ['a huge number', '{"a":9007199254740992}', 'a'],
  ['infinity', '{"a":1e999}', 'a'],
])('%s is refused, and the field is named', async (_name, body, field) => {
  const { alice } = await cast()
  const roomId = await createRoom(alice)
  for (const path of ['send/m.room.message/1', 'state/org.test/', 'state/m.room.name/']) {
    const answer = await alice.request('PUT', `${v3}/rooms/${roomId}/${path}`, body)
    expect([answer.status, answer.body.errcode], path).toEqual([400, 'M_BAD_JSON'])
    expect(answer.body.error).toContain(`content.${field}:`)
  }
})

test('floats pass where the room version lets them', async () => {
  const { alice } = await cast()
  const roomId = await createRoom(alice, { preset: 'public_chat', room_version: '5' })
  await say(alice, roomId, 'Hello', { n: 1.5 })
  expect((await history(alice, roomId)).at(-1)?.content.n).toBe(1.5)
})

test.each(['not JSON', '[]', '"text"', '5'])('a body that is %s is refused', async (body) => {
  const { alice } = await cast()
  const roomId = await createRoom(alice)
  const answer = await alice.request('PUT', `${v3}/rooms/${roomId}/send/m.room.message/1`, body)
  expect(answer.status).toBe(400)
  expect(['M_NOT_JSON', 'M_BAD_JSON']).toContain(answer.body.errcode)
})

test.each(['6', '10', '11', '12'])(
  'version %s: one redacts what is one’s own, and with the level for it what is others’',
  async (version) => {
    const { alice, bob, carol } = await cast()
    const roomId = await createRoom(alice, { preset: 'public_chat', room_version: version })
    for (const user of [bob, carol]) await join(user, roomId)
    const [ofBob, ofCarol, second] = [await say(bob, roomId, 'B'), await say(carol, roomId, 'C'), await say(bob, roomId, 'B2')]
    const redact = (event: string, transaction: number) =>
      `${v3}/rooms/${roomId}/redact/${encodeURIComponent(event)}/${transaction}`
    const { event_id: redaction } = await ok(bob, 'PUT', redact(ofBob, 1), { reason: 'Typo' })
    expect(await ok(bob, 'PUT', redact(ofBob, 1), { reason: 'Typo' })).toEqual({ event_id: redaction })
    expect(await refused(bob, 'PUT', redact(ofCarol, 2), {})).toEqual([403, 'M_FORBIDDEN'])
    await ok(alice, 'PUT', redact(ofCarol, 1), {})
    await ok(bob, 'PUT', `${v3}/rooms/${roomId}/send/m.room.redaction/9`, { redacts: second })
    expect(await refused(bob, 'PUT', redact('$nothing', 3), {})).toEqual([404, 'M_NOT_FOUND'])
    const events = await history(carol, roomId)
    const at = (id: string) => events.find((event) => event.event_id === id) as RoomEvent
    for (const id of [ofBob, ofCarol, second]) expect(at(id).content).toEqual({})
    expect(at(ofBob).unsigned.redacted_because).toMatchObject({
      event_id: redaction,
      sender: bob.userId,
      content: { reason: 'Typo' },
    })
    expect(at(redaction)).toMatchObject({ type: 'm.room.redaction', redacts: ofBob, content: { redacts: ofBob, reason: 'Typo' } })
    const one = await ok(carol, 'GET', `${v3}/rooms/${roomId}/event/${encodeURIComponent(ofBob)}`)
    expect(one.content).toEqual({})
  },
)

test('redacted state stays, without its content', async () => {
  const { server, alice } = await cast()
  const roomId = await createRoom(alice)
  const topic = await setState(alice, roomId, 'm.room.topic', { topic: 'Secret' })
  await ok(alice, 'PUT', `${v3}/rooms/${roomId}/redact/${encodeURIComponent(topic)}/1`, {})
  expect(await stateOf(alice, roomId, 'm.room.topic')).toEqual({})
  const create = (await history(alice, roomId))[0] as RoomEvent
  expect(await refused(alice, 'PUT', `${v3}/rooms/${roomId}/redact/${encodeURIComponent(create.event_id)}/2`, {})).toEqual([
    403,
    'M_FORBIDDEN',
  ])
  const texts = server.app.storage.reader.raw.prepare('SELECT json FROM events').pluck().all()
  expect(texts.join()).not.toContain('Secret')
})

test('setting state to what it is changes nothing', async () => {
  const { alice } = await cast()
  const roomId = await createRoom(alice)
  const first = await setState(alice, roomId, 'org.test', { a: 1, b: [2] })
  expect(await setState(alice, roomId, 'org.test', { b: [2], a: 1 })).toBe(first)
  expect(await setState(alice, roomId, 'org.test', { a: 2 })).not.toBe(first)
  expect(await setState(alice, roomId, 'org.test', { a: 1, b: [2] })).not.toBe(first)
})

test('a canonical alias must lead to the room', async () => {
  const { alice } = await cast()
  const roomId = await createRoom(alice, { preset: 'public_chat', room_alias_name: 'here' })
  await createRoom(alice, { preset: 'public_chat', room_alias_name: 'there' })
  const put = (content: object) => refused(alice, 'PUT', `${v3}/rooms/${roomId}/state/m.room.canonical_alias/`, content)
  expect(await put({ alias: '#there:a.test' })).toEqual([400, 'M_BAD_ALIAS'])
  expect(await put({ alias: '#here:a.test', alt_aliases: ['#none:a.test'] })).toEqual([400, 'M_BAD_ALIAS'])
  expect(await put({ alt_aliases: ['here'] })).toEqual([400, 'M_INVALID_PARAM'])
  expect(await put({ alt_aliases: ['#here:a.test'] })).toEqual([200, undefined])
})

test('a client cannot say who let somebody in', async () => {
  const { alice, bob } = await cast()
  const roomId = await createRoom(alice)
  await join(bob, roomId)
  const content = { membership: 'join', displayname: 'Bobby', join_authorised_via_users_server: 'unused' }
  await setState(bob, roomId, 'm.room.member', content, bob.userId)
  expect(await stateOf(alice, roomId, 'm.room.member', bob.userId)).toEqual({ membership: 'join', displayname: 'Bobby' })
})
