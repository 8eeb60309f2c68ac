import { describe, expect, test } from 'vitest'
import type { TestServer } from '../support/world.ts'
import { client, oneServer } from './cheap-world.ts'

const hour = 60 * 60_000
const whoami = (server: TestServer, token: string) =>
  server.request('GET', `${client}/account/whoami`, undefined, { headers: { authorization: `Bearer ${token}` } })

describe('login', () => {
  test('offers passwords', async () => {
    const { server } = await oneServer()
    expect((await server.request('GET', `${client}/login`)).body).toEqual({ flows: [{ type: 'm.login.password' }] })
  })

  test.each([
    ['localpart', { identifier: { type: 'm.id.user', user: 'alice' } }],
    ['full id', { identifier: { type: 'm.id.user', user: '@alice:a.test' } }],
    ['capitals', { identifier: { type: 'm.id.user', user: '@ALICE:a.test' } }],
    ['the old form', { user: 'alice' }],
  ])('by %s', async (_, who) => {
    const { server } = await oneServer()
    await server.register('alice')
    const answer = await server.request('POST', `${client}/login`, {
      type: 'm.login.password',
      password: 'password of alice',
      ...who,
    })
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ user_id: '@alice:a.test', device_id: expect.stringMatching(/^[A-Z]{10}$/) })
    expect((await whoami(server, answer.body.access_token)).body.device_id).toBe(answer.body.device_id)
  })

  test.each([
    ['wrong password', 403, 'M_FORBIDDEN', { password: 'wrong' }],
    ['nobody', 403, 'M_FORBIDDEN', { identifier: { type: 'm.id.user', user: 'nobody' } }],
    ['another server', 403, 'M_FORBIDDEN', { identifier: { type: 'm.id.user', user: '@alice:b.test' } }],
    ['an e-mail address', 403, 'M_FORBIDDEN', { identifier: { type: 'm.id.thirdparty', medium: 'email', address: 'a@b.c' } }],
    ['an unknown identifier', 400, 'M_INVALID_PARAM', { identifier: { type: 'm.id.face' } }],
    ['no name', 400, 'M_MISSING_PARAM', { identifier: { type: 'm.id.user' } }],
    ['no password', 400, 'M_MISSING_PARAM', { password: undefined }],
    ['a long password', 400, 'M_INVALID_PARAM', { password: 'x'.repeat(513) }],
    ['another type', 400, 'M_UNKNOWN', { type: 'm.login.token', token: 'x' }],
    ['no type', 400, 'M_BAD_JSON', { type: undefined }],
    ['an empty device id', 400, 'M_BAD_JSON', { device_id: '' }],
  ])('is refused with %s', async (_, status, errcode, change) => {
    const { server } = await oneServer()
    await server.register('alice')
    const identifier = { type: 'm.id.user', user: 'alice' }
    const good = { type: 'm.login.password', identifier, password: 'password of alice' }
    const answer = await server.request('POST', `${client}/login`, { ...good, ...change })
    expect([answer.status, answer.body.errcode]).toEqual([status, errcode])
  })

  test('onto a device that is there keeps its name and ends its tokens', async () => {
    const { server } = await oneServer()
    const first = await server.register('alice', { deviceId: 'PHONE' })
    await first.request('PUT', `${client}/devices/PHONE`, { display_name: 'Phone' })
    const login = await server.request('POST', `${client}/login`, {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'alice' },
      password: 'password of alice',
      device_id: 'PHONE',
      initial_device_display_name: 'Another',
    })
    expect((await whoami(server, first.accessToken)).status).toBe(401)
    const devices = await server.request('GET', `${client}/devices`, undefined, {
      headers: { authorization: `Bearer ${login.body.access_token}` },
    })
    expect(devices.body.devices).toMatchObject([{ device_id: 'PHONE', display_name: 'Phone' }])
  })

  test('is limited by address', async () => {
    const { world, server } = await oneServer({ HAUSBOTE_RATE_LIMITS: 'on' })
    const attempt = () =>
      server.request('POST', `${client}/login`, { type: 'm.login.password', user: 'alice', password: 'guess' })
    for (let count = 0; count < 10; count += 1) expect((await attempt()).status).toBe(403)
    expect((await attempt()).body).toMatchObject({ errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 5000 })
    await world.clock.advance(5000)
    expect((await attempt()).status).toBe(403)
  })
})

describe('access tokens', () => {
  test('have to be there and be known', async () => {
    const { server } = await oneServer()
    const missing = await server.request('GET', `${client}/account/whoami`)
    expect([missing.status, missing.body.errcode]).toEqual([401, 'M_MISSING_TOKEN'])
    const unknown = await whoami(server, 'unknown')
    expect(unknown.status).toBe(401)
    expect(unknown.body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN', soft_logout: false })
  })

  test('do not expire for clients that cannot refresh, and outlive a restart', async () => {
    const { world, server } = await oneServer()
    const alice = await server.register('alice')
    await world.clock.advance(1000 * hour)
    await server.restart()
    expect((await whoami(server, alice.accessToken)).status).toBe(200)
  })

  test('are not in the database', async () => {
    const { server } = await oneServer()
    const alice = await server.register('alice')
    const rows = server.app.storage.reader.raw.prepare('SELECT * FROM token_pairs').all()
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain(alice.accessToken)
  })
})

describe('refresh', () => {
  async function refreshable() {
    const { world, server } = await oneServer()
    await server.register('alice')
    const login = await server.request('POST', `${client}/login`, {
      type: 'm.login.password',
      user: 'alice',
      password: 'password of alice',
      device_id: 'PHONE',
      refresh_token: true,
    })
    const refresh = async (token: string) => server.request('POST', `${client}/refresh`, { refresh_token: token })
    return { world, server, first: login.body, refresh }
  }

  test('an access token ends softly, and a refresh gives a new one for the same device', async () => {
    const { world, server, first, refresh } = await refreshable()
    expect(first.expires_in_ms).toBe(hour)
    await world.clock.advance(hour - 1)
    expect((await whoami(server, first.access_token)).status).toBe(200)
    await world.clock.advance(1)
    const ended = await whoami(server, first.access_token)
    expect([ended.status, ended.body.errcode, ended.body.soft_logout]).toEqual([401, 'M_UNKNOWN_TOKEN', true])
    const second = (await refresh(first.refresh_token)).body
    expect(second).toMatchObject({ expires_in_ms: hour, refresh_token: expect.any(String) })
    expect((await whoami(server, second.access_token)).body).toMatchObject({ user_id: '@alice:a.test', device_id: 'PHONE' })
  })

  test('the old refresh token works until the new access token is used', async () => {
    const { server, first, refresh } = await refreshable()
    const lost = (await refresh(first.refresh_token)).body
    const second = (await refresh(first.refresh_token)).body
    // The answer that got lost on its way is worth nothing any more.
    expect((await whoami(server, lost.access_token)).status).toBe(401)
    expect((await refresh(lost.refresh_token)).status).toBe(401)
    expect((await whoami(server, second.access_token)).status).toBe(200)
    const late = await refresh(first.refresh_token)
    expect(late.status).toBe(401)
    expect(late.body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN', soft_logout: false })
    expect((await refresh(second.refresh_token)).status).toBe(200)
  })

  test('the old refresh token works until the new refresh token is used', async () => {
    const { first, refresh } = await refreshable()
    const second = (await refresh(first.refresh_token)).body
    expect((await refresh(second.refresh_token)).status).toBe(200)
    expect((await refresh(first.refresh_token)).status).toBe(401)
  })

  test('the first use of a token counts over a restart', async () => {
    const { server, first, refresh } = await refreshable()
    const second = (await refresh(first.refresh_token)).body
    await whoami(server, second.access_token)
    await server.settled()
    await server.restart()
    expect((await refresh(first.refresh_token)).status).toBe(401)
    expect((await whoami(server, second.access_token)).status).toBe(200)
  })

  test('keeps the previous access token soft and forgets what lies before', async () => {
    const { world, server, first, refresh } = await refreshable()
    const tokens = [first]
    for (let count = 0; count < 5; count += 1) {
      const next = (await refresh(tokens.at(-1).refresh_token)).body
      expect((await whoami(server, next.access_token)).status).toBe(200)
      tokens.push(next)
    }
    await world.clock.advance(hour)
    await server.settled()
    expect((await whoami(server, tokens.at(-2).access_token)).body.soft_logout).toBe(true)
    expect((await whoami(server, tokens[0].access_token)).body.soft_logout).toBe(false)
    const rows = server.app.storage.reader.raw.prepare("SELECT * FROM token_pairs WHERE device_id = 'PHONE'").all()
    expect(rows).toHaveLength(2)
  })

  test('ends with the device', async () => {
    const { server, first, refresh } = await refreshable()
    await server.request('POST', `${client}/logout`, undefined, { headers: { authorization: `Bearer ${first.access_token}` } })
    expect((await refresh(first.refresh_token)).status).toBe(401)
  })

  test('needs a token', async () => {
    const { server, refresh } = await refreshable()
    expect((await refresh('unknown')).body.errcode).toBe('M_UNKNOWN_TOKEN')
    expect((await server.request('POST', `${client}/refresh`, {})).body.errcode).toBe('M_BAD_JSON')
  })
})

describe('logout', () => {
  test('ends one device', async () => {
    const { server } = await oneServer()
    const alice = await server.register('alice')
    const other = await server.login('alice')
    expect((await alice.request('GET', `${client}/account/whoami`)).status).toBe(200)
    expect((await alice.request('POST', `${client}/logout`)).body).toEqual({})
    const gone = await alice.request('GET', `${client}/account/whoami`)
    expect([gone.status, gone.body.errcode, gone.body.soft_logout]).toEqual([401, 'M_UNKNOWN_TOKEN', false])
    expect((await other.request('GET', `${client}/devices`)).body.devices).toMatchObject([{ device_id: other.deviceId }])
  })

  test('ends all devices', async () => {
    const { server } = await oneServer()
    const alice = await server.register('alice')
    const other = await server.login('alice')
    const berta = await server.register('berta')
    expect((await alice.request('POST', `${client}/logout/all`, {})).body).toEqual({})
    for (const { accessToken } of [alice, other]) expect((await whoami(server, accessToken)).status).toBe(401)
    expect((await whoami(server, berta.accessToken)).status).toBe(200)
    expect((await (await server.login('alice')).request('GET', `${client}/devices`)).body.devices).toHaveLength(1)
  })

  test.each(['logout', 'logout/all'])('%s needs an access token', async (path) => {
    const { server } = await oneServer()
    expect((await server.request('POST', `${client}/${path}`)).body.errcode).toBe('M_MISSING_TOKEN')
  })
})
