import { describe, expect, test } from 'vitest'
import { createWorld, type TestServer, type TestUser } from '../support/world.ts'

async function setUp() {
  const world = await createWorld()
  const server = await world.server('a.test')
  return { server, alice: await server.register('alice'), bob: await server.register('bob') }
}

const profile = (userId: string) => `/_matrix/client/v3/profile/${encodeURIComponent(userId)}`
const field = (userId: string, key: string) => `${profile(userId)}/${key}`
const put = (user: TestUser, key: string, value: unknown) => user.request('PUT', field(user.userId, key), { [key]: value })
const fieldsOf = async (server: TestServer, user: TestUser) => (await server.request('GET', profile(user.userId))).body

describe('reading', () => {
  test('a field and a whole profile can be read without a token', async () => {
    const { server, alice } = await setUp()
    expect((await put(alice, 'displayname', 'Alice "A" 🦊')).status).toBe(200)
    expect((await put(alice, 'avatar_url', 'mxc://a.test/fox')).body).toEqual({})
    expect(await server.request('GET', field(alice.userId, 'displayname'))).toMatchObject({
      status: 200,
      body: { displayname: 'Alice "A" 🦊' },
    })
    expect(await fieldsOf(server, alice)).toEqual({ displayname: 'Alice "A" 🦊', avatar_url: 'mxc://a.test/fox' })
  })

  test('a new account has an empty profile, and no field', async () => {
    const { server, alice } = await setUp()
    expect(await server.request('GET', profile(alice.userId))).toMatchObject({ status: 200, body: {} })
    expect(await server.request('GET', field(alice.userId, 'displayname'))).toMatchObject({
      status: 404,
      body: { errcode: 'M_NOT_FOUND' },
    })
  })

  test.each(['@nobody:a.test', '@alice:elsewhere.test'])('there is no profile of %s', async (userId) => {
    const { server } = await setUp()
    for (const path of [profile(userId), field(userId, 'displayname')])
      expect(await server.request('GET', path)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })

  test('what is not a user id is refused', async () => {
    const { server } = await setUp()
    expect(await server.request('GET', profile('alice'))).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
  })

  test('a deactivated account has none any more', async () => {
    const { server, alice } = await setUp()
    await put(alice, 'displayname', 'Alice')
    const auth = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'alice' },
      password: 'password of alice',
    }
    const asked = await alice.request('POST', '/_matrix/client/v3/account/deactivate', {})
    const ended = await alice.request('POST', '/_matrix/client/v3/account/deactivate', {
      auth: { ...auth, session: asked.body.session },
    })
    expect(ended.status).toBe(200)
    expect((await server.request('GET', profile(alice.userId))).status).toBe(404)
    const rows = server.app.storage.reader.raw.prepare('SELECT count(*) FROM profile_fields').pluck().get()
    expect(rows).toBe(0)
  })
})

describe('changing', () => {
  test('survives a restart', async () => {
    const { server, alice } = await setUp()
    await put(alice, 'displayname', 'Alice')
    await server.restart()
    expect(await fieldsOf(server, alice)).toEqual({ displayname: 'Alice' })
  })

  test.each([
    ['m.tz', 'Europe/Berlin'],
    ['org.example.pronouns', [{ summary: 'she/her', language: 'en' }]],
    ['org.example.nothing', null],
    ['org.example.ratio', 0.5],
    ['org.example.deep', { list: [true, { of: '' }] }],
  ])('%s keeps its value of any type', async (key, value) => {
    const { server, alice } = await setUp()
    expect((await put(alice, key, value)).status).toBe(200)
    expect((await server.request('GET', field(alice.userId, key))).body).toEqual({ [key]: value })
  })

  test('a field can be replaced and removed, also one that is not there', async () => {
    const { server, alice } = await setUp()
    await put(alice, 'm.tz', 'Europe/Berlin')
    await put(alice, 'm.tz', 'Europe/Paris')
    expect(await fieldsOf(server, alice)).toEqual({ 'm.tz': 'Europe/Paris' })
    for (let time = 0; time < 2; time += 1) {
      expect(await alice.request('DELETE', field(alice.userId, 'm.tz'))).toMatchObject({ status: 200, body: {} })
      expect(await fieldsOf(server, alice)).toEqual({})
    }
  })

  test.each(['displayname', 'avatar_url'])('an empty %s is none', async (key) => {
    const { server, alice } = await setUp()
    await put(alice, key, 'something')
    expect((await put(alice, key, '')).status).toBe(200)
    expect(await fieldsOf(server, alice)).toEqual({})
  })

  test('only of oneself, and with a token', async () => {
    const { server, alice, bob } = await setUp()
    await put(alice, 'displayname', 'Alice')
    const path = field(alice.userId, 'displayname')
    for (const method of ['PUT', 'DELETE']) {
      const body = method === 'PUT' ? { displayname: 'Mallory' } : undefined
      expect(await bob.request(method, path, body)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
      expect(await server.request(method, path, body)).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
    }
    expect(await fieldsOf(server, alice)).toEqual({ displayname: 'Alice' })
  })

  test.each([
    ['displayname', {}, 'M_MISSING_PARAM'],
    ['displayname', { avatar_url: 'mxc://a.test/fox' }, 'M_MISSING_PARAM'],
    ['displayname', { displayname: 'Alice', avatar_url: 'mxc://a.test/fox' }, 'M_BAD_JSON'],
    ['displayname', { displayname: null }, 'M_BAD_JSON'],
    ['displayname', { displayname: 'a'.repeat(257) }, 'M_BAD_JSON'],
    ['avatar_url', { avatar_url: 7 }, 'M_BAD_JSON'],
    ['avatar_url', { avatar_url: `mxc://a.test/${'a'.repeat(1000)}` }, 'M_BAD_JSON'],
    ['m.tz', { 'm.tz': { zone: 'UTC' } }, 'M_BAD_JSON'],
    ['org.example.a', [], 'M_BAD_JSON'],
    ['org.example.a', '{', 'M_NOT_JSON'],
    ['__proto__', { x: 1 }, 'M_INVALID_PARAM'],
    ['Upper.case', { 'Upper.case': 1 }, 'M_INVALID_PARAM'],
    ['a'.repeat(256), { ['a'.repeat(256)]: 1 }, 'M_KEY_TOO_LARGE'],
  ])('%s is refused with the body %j: %s', async (key, body, errcode) => {
    const { server, alice } = await setUp()
    const answer = await alice.request('PUT', field(alice.userId, key), body)
    expect(answer).toMatchObject({ status: 400, body: { errcode } })
    expect(await fieldsOf(server, alice)).toEqual({})
  })

  test('a key is not removed under a name that cannot be', async () => {
    const { alice } = await setUp()
    expect(await alice.request('DELETE', field(alice.userId, 'No'))).toMatchObject({
      status: 400,
      body: { errcode: 'M_INVALID_PARAM' },
    })
  })

  test('the whole profile stays under 64 KiB', async () => {
    const { server, alice } = await setUp()
    expect((await put(alice, 'org.example.a', 'ü'.repeat(16_000))).status).toBe(200)
    expect((await put(alice, 'org.example.b', 'b'.repeat(33_000))).status).toBe(200)
    for (const key of ['org.example.b', 'org.example.c'])
      expect(await put(alice, key, 'c'.repeat(34_000))).toMatchObject({ status: 400, body: { errcode: 'M_PROFILE_TOO_LARGE' } })
    // Replacing counts the new value only.
    expect((await put(alice, 'org.example.b', 'd'.repeat(33_400))).status).toBe(200)
    expect(Object.keys(await fieldsOf(server, alice))).toEqual(['org.example.a', 'org.example.b'])
    expect(Buffer.byteLength(JSON.stringify(await fieldsOf(server, alice)))).toBeLessThan(65_536)
  })
})

describe('in rooms', () => {
  async function memberContent(user: TestUser, roomId: string) {
    const path = `/_matrix/client/v3/rooms/${roomId}/state/m.room.member/${user.userId}`
    return (await user.request('GET', path)).body
  }

  test('a changed name or avatar becomes part of the membership, and a removed one goes', async () => {
    const { alice } = await setUp()
    await put(alice, 'displayname', 'Alice')
    const roomId = (await alice.request('POST', '/_matrix/client/v3/createRoom', {})).body.room_id
    expect(await memberContent(alice, roomId)).toEqual({ membership: 'join', displayname: 'Alice' })
    await put(alice, 'avatar_url', 'mxc://a.test/fox')
    await put(alice, 'displayname', 'Alicia')
    expect(await memberContent(alice, roomId)).toEqual({
      membership: 'join',
      displayname: 'Alicia',
      avatar_url: 'mxc://a.test/fox',
    })
    await alice.request('DELETE', field(alice.userId, 'avatar_url'))
    expect(await memberContent(alice, roomId)).toEqual({ membership: 'join', displayname: 'Alicia' })
  })

  test('what changes nothing, or another field, is no event', async () => {
    const { server, alice } = await setUp()
    await put(alice, 'displayname', 'Alice')
    await alice.request('POST', '/_matrix/client/v3/createRoom', {})
    const events = () => server.app.storage.reader.raw.prepare('SELECT count(*) FROM events').pluck().get()
    const before = events()
    await put(alice, 'displayname', 'Alice')
    await put(alice, 'm.tz', 'Europe/Berlin')
    await alice.request('DELETE', field(alice.userId, 'avatar_url'))
    expect(events()).toBe(before)
    await put(alice, 'displayname', 'Alicia')
    expect(events()).toBe(Number(before) + 1)
  })
})
