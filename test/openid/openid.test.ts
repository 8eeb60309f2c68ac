import { describe, expect, test } from 'vitest'
import { createWorld, federating, type TestServer, type TestUser } from '../support/world.ts'

const hour = 3_600_000

async function setUp() {
  const world = await createWorld()
  const server = await world.server('a.test', federating)
  return { world, server, alice: await server.register('alice') }
}

const request = (user: TestUser, userId = user.userId) =>
  user.request('POST', `/_matrix/client/v3/user/${encodeURIComponent(userId)}/openid/request_token`, {})

const ask = async (server: TestServer, token: string) => {
  const { status, body } = await server.federation('GET', `/_matrix/federation/v1/openid/userinfo?access_token=${token}`)
  return [status, body.sub ?? body.errcode]
}

describe('a token', () => {
  test('says whose it is, for an hour', async () => {
    const { world, server, alice } = await setUp()
    const { status, body } = await request(alice)
    expect(status).toBe(200)
    expect(body).toEqual({
      access_token: expect.stringMatching(/^[\w-]{43}$/),
      token_type: 'Bearer',
      matrix_server_name: 'a.test',
      expires_in: 3600,
    })
    expect(await ask(server, body.access_token)).toEqual([200, '@alice:a.test'])
    await world.clock.advance(hour - 1)
    expect(await ask(server, body.access_token)).toEqual([200, '@alice:a.test'])
    await world.clock.advance(1)
    expect(await ask(server, body.access_token)).toEqual([401, 'M_UNKNOWN_TOKEN'])
  })

  test('opens nothing else, and is kept only as a hash', async () => {
    const { server, alice } = await setUp()
    const { access_token: token } = (await request(alice)).body
    const headers = { authorization: `Bearer ${token}` }
    const answer = await server.request('GET', '/_matrix/client/v3/account/whoami', undefined, { headers })
    expect(answer).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } })
    expect(await ask(server, alice.accessToken)).toEqual([401, 'M_UNKNOWN_TOKEN'])
    const rows = server.app.storage.reader.raw.prepare('SELECT * FROM openid_tokens').all()
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain(token)
  })

  test('is for oneself', async () => {
    const { server, alice } = await setUp()
    const bob = await server.register('bob')
    expect(await request(alice, bob.userId)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
  })

  test('is forgotten when it has expired', async () => {
    const { world, server, alice } = await setUp()
    await request(alice)
    await request(alice)
    await world.clock.advance(hour)
    await request(alice)
    expect(server.app.storage.reader.raw.prepare('SELECT count(*) AS count FROM openid_tokens').get()).toEqual({ count: 1 })
  })

  test('ends with the account', async () => {
    const { server, alice } = await setUp()
    const { access_token: token } = (await request(alice)).body
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password: 'password of alice' }
    expect((await alice.request('POST', '/_matrix/client/v3/account/deactivate', { auth })).status).toBe(200)
    expect(await ask(server, token)).toEqual([401, 'M_UNKNOWN_TOKEN'])
  })

  test('must be there', async () => {
    const { server } = await setUp()
    const answer = await server.federation('GET', '/_matrix/federation/v1/openid/userinfo')
    expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_MISSING_PARAM' } })
  })
})
