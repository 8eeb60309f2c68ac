import { describe, expect, test } from 'vitest'
import { client, oneServer } from './cheap-world.ts'

const dummy = { type: 'm.login.dummy' }
const register = `${client}/register`

describe('POST /register, open', () => {
  test('offers a flow and a session, without an error code that clients would show', async () => {
    const { server } = await oneServer()
    const answer = await server.request('POST', register, {})
    expect(answer.status).toBe(401)
    expect(answer.body).toEqual({
      flows: [{ stages: ['m.login.dummy'] }],
      params: {},
      session: expect.stringMatching(/^\w{24}$/),
    })
  })

  test('makes an account in one request without session', async () => {
    const { server } = await oneServer()
    const answer = await server.request('POST', register, {
      auth: dummy,
      username: 'alice',
      password: 'a password',
      device_id: 'PHONE',
    })
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ user_id: '@alice:a.test', device_id: 'PHONE', home_server: 'a.test' })
    expect(answer.body).not.toHaveProperty('refresh_token')
    const whoami = await server.request('GET', `${client}/account/whoami`, undefined, {
      headers: { authorization: `Bearer ${answer.body.access_token}` },
    })
    expect(whoami.body).toEqual({ user_id: '@alice:a.test', device_id: 'PHONE', is_guest: false })
  })

  test('makes an account with the session of the first answer, and the session only once', async () => {
    const { server } = await oneServer()
    const { session } = (await server.request('POST', register, { username: 'alice', password: 'übers3kr1t' })).body
    const auth = { ...dummy, session }
    expect((await server.request('POST', register, { auth, username: 'alice', password: 'übers3kr1t' })).status).toBe(200)
    const again = await server.request('POST', register, { auth, username: 'berta', password: 'übers3kr1t' })
    expect(again.status).toBe(401)
    expect(again.body).toMatchObject({ errcode: 'M_FORBIDDEN', flows: [{ stages: ['m.login.dummy'] }] })
    expect(again.body.session).not.toBe(session)
  })

  test('takes no session that has ended', async () => {
    const { world, server } = await oneServer()
    const { session } = (await server.request('POST', register, {})).body
    await world.clock.advance(15 * 60_000)
    const late = await server.request('POST', register, {
      auth: { ...dummy, session },
      username: 'alice',
      password: 'a password',
    })
    expect(late.status).toBe(401)
  })

  test('takes no stage that is not offered', async () => {
    const { server } = await oneServer()
    const auth = { type: 'm.login.registration_token', token: 'x' }
    const answer = await server.request('POST', register, { auth, username: 'alice', password: 'a password' })
    expect([answer.status, answer.body.errcode]).toEqual([401, 'M_UNRECOGNIZED'])
  })

  test('makes capitals small', async () => {
    const { server } = await oneServer()
    const answer = await server.request('POST', register, { auth: dummy, username: 'user-UPPER', password: 'a password' })
    expect(answer.body.user_id).toBe('@user-upper:a.test')
  })

  test.each(['!', '"', ':', '?', '\\', '@', '[', ']', '{', '|', '}', '£', 'é', '\n', "'", ' '])(
    'refuses %j in a user name before it asks for authentication',
    async (character) => {
      const { server } = await oneServer()
      const answer = await server.request('POST', register, { username: `user-${character}-x`, password: 'a password' })
      expect([answer.status, answer.body.errcode]).toEqual([400, 'M_INVALID_USERNAME'])
    },
  )

  test('takes every character that a user name may have', async () => {
    const { server } = await oneServer()
    for (const character of 'q3._=-/+') {
      expect((await server.register(`user${character}`)).userId).toBe(`@user${character}:a.test`)
    }
  })

  test('refuses a name that is too long with its server name', async () => {
    const { server } = await oneServer()
    const answer = await server.request('POST', register, { username: 'a'.repeat(250), password: 'a password' })
    expect(answer.body.errcode).toBe('M_INVALID_USERNAME')
  })

  test('refuses a name that is taken, before and after authentication', async () => {
    const { server } = await oneServer()
    await server.register('alice')
    for (const auth of [undefined, dummy]) {
      const answer = await server.request('POST', register, { auth, username: 'Alice', password: 'a password' })
      expect([answer.status, answer.body.errcode]).toEqual([400, 'M_USER_IN_USE'])
    }
  })

  test('gives one of two who want the same name at once nothing', async () => {
    const { server } = await oneServer()
    const wish = { auth: dummy, username: 'alice', password: 'a password' }
    const answers = await Promise.all([server.request('POST', register, wish), server.request('POST', register, wish)])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400])
  })

  test('makes up a name for who wants none', async () => {
    const { server } = await oneServer()
    const answer = await server.request('POST', register, { auth: dummy, password: 'a password' })
    expect(answer.body.user_id).toMatch(/^@[a-z]{12}:a\.test$/)
  })

  test('starts no session when login is inhibited', async () => {
    const { server } = await oneServer()
    const answer = await server.request('POST', register, {
      auth: dummy,
      username: 'alice',
      password: 'password of alice',
      inhibit_login: true,
    })
    expect(answer.body).toEqual({ user_id: '@alice:a.test' })
    const alice = await server.login('alice')
    expect((await alice.request('GET', `${client}/devices`)).body.devices).toHaveLength(1)
  })

  test('gives a refresh token and a device name where asked', async () => {
    const { server } = await oneServer()
    const answer = await server.request('POST', register, {
      auth: dummy,
      username: 'alice',
      password: 'a password',
      refresh_token: true,
      initial_device_display_name: 'Phone',
    })
    expect(answer.body).toMatchObject({ refresh_token: expect.any(String), expires_in_ms: 3_600_000 })
    const devices = await server.request('GET', `${client}/devices`, undefined, {
      headers: { authorization: `Bearer ${answer.body.access_token}` },
    })
    expect(devices.body.devices[0].display_name).toBe('Phone')
  })

  test('names what is wrong', async () => {
    const { server } = await oneServer()
    const wrong = async (body: object) => {
      const answer = await server.request('POST', register, { auth: dummy, username: 'alice', password: 'a password', ...body })
      return [answer.status, answer.body.errcode, String(answer.body.error).split(':')[0]]
    }
    expect(await wrong({ password: 'short' })).toEqual([400, 'M_WEAK_PASSWORD', 'password'])
    expect(await wrong({ password: 'x'.repeat(513) })).toEqual([400, 'M_INVALID_PARAM', 'password'])
    expect(await wrong({ password: undefined })).toEqual([400, 'M_MISSING_PARAM', 'password'])
    expect(await wrong({ password: 7 })).toEqual([400, 'M_BAD_JSON', 'password'])
    expect(await wrong({ device_id: '' })).toEqual([400, 'M_BAD_JSON', 'device_id'])
    expect(await wrong({ device_id: 'x'.repeat(256) })).toEqual([400, 'M_BAD_JSON', 'device_id'])
    expect(await wrong({ initial_device_display_name: 'x'.repeat(256) })).toEqual([
      400,
      'M_BAD_JSON',
      'initial_device_display_name',
    ])
    expect(await wrong({ auth: 'dummy' })).toEqual([400, 'M_BAD_JSON', 'auth'])
    // None of them has made an account.
    expect((await server.request('GET', `${client}/register/available?username=alice`)).body).toEqual({ available: true })
  })

  test('has no guests', async () => {
    const { server } = await oneServer()
    const answer = await server.request('POST', `${register}?kind=guest`, {})
    expect([answer.status, answer.body.errcode]).toEqual([403, 'M_GUEST_ACCESS_FORBIDDEN'])
    expect((await server.request('POST', `${register}?kind=robot`, {})).body.errcode).toBe('M_INVALID_PARAM')
  })
})

describe('registration tokens', () => {
  const validity = '/_matrix/client/v1/register/m.login.registration_token/validity'
  const wish = (username: string, token: unknown) => ({
    username,
    password: 'a password',
    auth: { type: 'm.login.registration_token', token },
  })

  test('let as many people in as allowed', async () => {
    const { server } = await oneServer({ HAUSBOTE_REGISTRATION: 'token' })
    const { token } = await server.app.administration.addToken({ uses: 2, validFor: null })
    expect((await server.request('GET', `${validity}?token=${token}`)).body).toEqual({ valid: true })
    expect((await server.request('POST', register, {})).body.flows).toEqual([{ stages: ['m.login.registration_token'] }])
    expect((await server.request('POST', register, wish('one', token))).status).toBe(200)
    expect((await server.request('POST', register, wish('two', token))).status).toBe(200)
    expect((await server.request('GET', `${validity}?token=${token}`)).body).toEqual({ valid: false })
    const third = await server.request('POST', register, wish('three', token))
    expect([third.status, third.body.errcode]).toEqual([401, 'M_FORBIDDEN'])
    expect(third.body.session).toEqual(expect.any(String))
  })

  test('are not used twice by two at once', async () => {
    const { server } = await oneServer({ HAUSBOTE_REGISTRATION: 'token' })
    const { token } = await server.app.administration.addToken({ uses: 1, validFor: null })
    const answers = await Promise.all(['one', 'two', 'three'].map((name) => server.request('POST', register, wish(name, token))))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 403])
  })

  test('are not used up by a registration that fails', async () => {
    const { server } = await oneServer({ HAUSBOTE_REGISTRATION: 'token' })
    const { token } = await server.app.administration.addToken({ uses: 1, validFor: null })
    expect((await server.request('POST', register, { ...wish('one', token), device_id: '' })).status).toBe(400)
    expect((await server.request('POST', register, wish('one', token))).status).toBe(200)
  })

  test('end with their time', async () => {
    const { world, server } = await oneServer({ HAUSBOTE_REGISTRATION: 'token' })
    const { token } = await server.app.administration.addToken({ uses: null, validFor: 60_000 })
    expect((await server.request('POST', register, wish('one', token))).status).toBe(200)
    await world.clock.advance(60_000)
    expect((await server.request('POST', register, wish('two', token))).status).toBe(401)
    expect((await server.request('GET', `${validity}?token=${token}`)).body).toEqual({ valid: false })
  })

  test.each([['unknown'], [''], ['x'.repeat(65)], [7], [undefined]])('refuse %j', async (token) => {
    const { server } = await oneServer({ HAUSBOTE_REGISTRATION: 'token' })
    expect((await server.request('POST', register, wish('one', token))).status).toBe(401)
    if (token !== undefined) expect((await server.request('GET', `${validity}?token=${token}`)).body).toEqual({ valid: false })
  })

  test('cannot be gone round with the dummy', async () => {
    const { server } = await oneServer({ HAUSBOTE_REGISTRATION: 'token' })
    expect((await server.request('POST', register, { ...wish('one', ''), auth: dummy })).status).toBe(401)
  })

  test('have to be named for the question', async () => {
    const { server } = await oneServer({ HAUSBOTE_REGISTRATION: 'token' })
    expect((await server.request('GET', validity)).body.errcode).toBe('M_MISSING_PARAM')
  })
})

describe('closed registration', () => {
  test.each([
    ['POST', register],
    ['GET', `${client}/register/available?username=alice`],
    ['GET', '/_matrix/client/v1/register/m.login.registration_token/validity?token=x'],
  ])('%s %s is forbidden', async (method, path) => {
    const { server } = await oneServer({ HAUSBOTE_REGISTRATION: 'closed' })
    const body = method === 'POST' ? { auth: dummy, username: 'alice', password: 'a password' } : undefined
    const answer = await server.request(method, path, body)
    expect([answer.status, answer.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })
})

describe('GET /register/available', () => {
  test('answers for free, taken and impossible names', async () => {
    const { server } = await oneServer()
    await server.register('alice')
    const ask = async (username: string) =>
      (await server.request('GET', `${client}/register/available?username=${username}`)).body
    expect(await ask('berta')).toEqual({ available: true })
    expect((await ask('alice')).errcode).toBe('M_USER_IN_USE')
    expect((await ask('berta,x')).errcode).toBe('M_INVALID_USERNAME')
    expect((await server.request('GET', `${client}/register/available`)).body.errcode).toBe('M_MISSING_PARAM')
  })

  test('is limited', async () => {
    const { server } = await oneServer({ HAUSBOTE_RATE_LIMITS: 'on' })
    const path = `${client}/register/available?username=berta`
    for (let count = 0; count < 10; count += 1) expect((await server.request('GET', path)).status).toBe(200)
    const limited = await server.request('GET', path)
    expect([limited.status, limited.body.errcode, limited.body.retry_after_ms]).toEqual([429, 'M_LIMIT_EXCEEDED', 5000])
  })
})
