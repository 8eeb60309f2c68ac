import { expect, test } from 'vitest'
import { cheap } from '../accounts/cheap-world.ts'
import { createWorld } from '../support/world.ts'

const v3 = '/_matrix/client/v3'

test('what is said besides at a join is in the member event, except what only the server may say', async () => {
  const world = await createWorld()
  const server = await world.server('a.test', {}, cheap)
  const alice = await server.register('alice')
  const bob = await server.register('bob')
  const roomId: string = (await alice.request('POST', `${v3}/createRoom`, { preset: 'public_chat' })).body.room_id
  const more = { foo: 'bar', reason: 'Hello', membership: 'ban', join_authorised_via_users_server: alice.userId }
  const member = `${v3}/rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent(bob.userId)}`
  for (const path of [`join/${encodeURIComponent(roomId)}`, `rooms/${encodeURIComponent(roomId)}/join`]) {
    expect((await bob.request('POST', `${v3}/${path}`, more)).status).toBe(200)
    const { body } = await alice.request('GET', member)
    expect(body).toEqual({ membership: 'join', foo: 'bar', reason: 'Hello' })
    await bob.request('POST', `${v3}/rooms/${encodeURIComponent(roomId)}/leave`, {})
  }
})

test('people talk in rooms of every version', async () => {
  const world = await createWorld()
  const server = await world.server('a.test', {}, cheap)
  const alice = await server.register('alice')
  const bob = await server.register('bob')
  const offered = (await alice.request('GET', `${v3}/capabilities`)).body.capabilities['m.room_versions'].available
  expect(Object.keys(offered)).toEqual(Array.from({ length: 12 }, (_, index) => String(index + 1)))
  for (const version of Object.keys(offered)) {
    const created = await alice.request('POST', `${v3}/createRoom`, { preset: 'public_chat', room_version: version })
    expect(created.status).toBe(200)
    const room = `${v3}/rooms/${encodeURIComponent(created.body.room_id)}`
    expect((await bob.request('POST', `${room}/join`, {})).status).toBe(200)
    const sent = (await bob.request('PUT', `${room}/send/m.room.message/1`, { msgtype: 'm.text', body: 'hello' })).body.event_id
    expect(sent).toMatch(Number(version) < 3 ? /^\$[a-zA-Z]{18}:a\.test$/ : /^\$[\w+/-]{43}$/)
    const read = await alice.request('GET', `${room}/event/${encodeURIComponent(sent)}`)
    expect(read.body).toMatchObject({ sender: bob.userId, content: { body: 'hello' } })
    expect((await alice.request('PUT', `${room}/redact/${encodeURIComponent(sent)}/r`, {})).status).toBe(200)
    expect((await bob.request('GET', `${room}/event/${encodeURIComponent(sent)}`)).body.content).toEqual({})
  }
})

test('a redaction cannot be sent as state', async () => {
  const world = await createWorld()
  const server = await world.server('a.test', {}, cheap)
  const alice = await server.register('alice')
  const bob = await server.register('bob')
  const levels = { events: { 'm.room.redaction': 0 } }
  const wish = { preset: 'public_chat', power_level_content_override: levels }
  const roomId: string = (await alice.request('POST', `${v3}/createRoom`, wish)).body.room_id
  const room = `${v3}/rooms/${encodeURIComponent(roomId)}`
  await bob.request('POST', `${room}/join`, {})
  const sent = (await alice.request('PUT', `${room}/send/m.room.message/1`, { msgtype: 'm.text', body: 'hello' })).body.event_id
  const refused = await bob.request('PUT', `${room}/state/m.room.redaction/x`, { redacts: sent })
  expect(refused).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
  expect((await bob.request('GET', `${room}/event/${encodeURIComponent(sent)}`)).body.content.body).toBe('hello')
})

test('what nobody may send is a bad request, what this sender may not is forbidden', async () => {
  const world = await createWorld()
  const server = await world.server('a.test', {}, cheap)
  const alice = await server.register('alice')
  const bob = await server.register('bob')
  const wish = { preset: 'public_chat', room_version: '12', creation_content: { additional_creators: [bob.userId] } }
  const roomId: string = (await alice.request('POST', `${v3}/createRoom`, wish)).body.room_id
  const put = (path: string, content: object) =>
    alice.request('PUT', `${v3}/rooms/${encodeURIComponent(roomId)}/state/${path}`, content)
  const wrong: readonly (readonly [string, object])[] = [
    ['m.room.create', { room_version: '12', more: true }],
    ['m.room.power_levels', { users: { [bob.userId]: 100 } }],
    ['m.room.power_levels', { users_default: '0' }],
    [`m.room.member/${encodeURIComponent(alice.userId)}`, { membership: 'elsewhere' }],
  ]
  for (const [path, content] of wrong)
    expect(await put(path, content)).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
  const others = `m.room.member/${encodeURIComponent(bob.userId)}`
  expect(await put(others, { membership: 'join' })).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
})
