import { describe, expect, test } from 'vitest'
import { client, oneServer, passwordAuth } from './cheap-world.ts'

const password = `${client}/account/password`
const deactivate = `${client}/account/deactivate`

async function twoDevices() {
  const { world, server } = await oneServer()
  const alice = await server.register('alice', { deviceId: 'ONE' })
  const two = await server.login('alice', { deviceId: 'TWO' })
  const signIn = (secret: string) =>
    server.request('POST', `${client}/login`, { type: 'm.login.password', user: 'alice', password: secret })
  return { world, server, alice, two, signIn }
}

describe('POST /account/password', () => {
  test('changes the password and signs out the other devices', async () => {
    const { alice, two, signIn } = await twoDevices()
    const { status, body } = await alice.request('POST', password, { new_password: 'a new password' })
    expect(status).toBe(401)
    expect(body.flows).toEqual([{ stages: ['m.login.password'] }])
    const auth = passwordAuth('alice', 'password of alice', body.session)
    expect((await alice.request('POST', password, { new_password: 'a new password', auth })).body).toEqual({})
    expect((await signIn('password of alice')).body.errcode).toBe('M_FORBIDDEN')
    expect((await signIn('a new password')).status).toBe(200)
    expect((await alice.request('GET', `${client}/account/whoami`)).status).toBe(200)
    expect((await two.request('GET', `${client}/account/whoami`)).status).toBe(401)
  })

  test('leaves the other devices where asked', async () => {
    const { alice, two } = await twoDevices()
    const wish = { new_password: 'a new password', logout_devices: false, auth: passwordAuth('alice') }
    expect((await alice.request('POST', password, wish)).status).toBe(200)
    expect((await two.request('GET', `${client}/account/whoami`)).status).toBe(200)
  })

  test('works without a session for who knows the password, and ends all devices', async () => {
    const { server, alice, signIn } = await twoDevices()
    const wish = { new_password: 'a new password', auth: passwordAuth('alice') }
    expect((await server.request('POST', password, wish)).status).toBe(200)
    expect((await signIn('a new password')).status).toBe(200)
    expect((await alice.request('GET', `${client}/account/whoami`)).status).toBe(401)
  })

  test('refuses a weak password, a wrong one, and that of somebody else', async () => {
    const { server, alice, signIn } = await twoDevices()
    await server.register('berta')
    const attempt = async (change: object) => {
      const wish = { new_password: 'a new password', auth: passwordAuth('alice'), ...change }
      const answer = await alice.request('POST', password, wish)
      return [answer.status, answer.body.errcode]
    }
    expect(await attempt({ new_password: 'short' })).toEqual([400, 'M_WEAK_PASSWORD'])
    expect(await attempt({ new_password: undefined })).toEqual([400, 'M_BAD_JSON'])
    expect(await attempt({ auth: passwordAuth('alice', 'wrong') })).toEqual([401, 'M_FORBIDDEN'])
    expect(await attempt({ auth: passwordAuth('berta') })).toEqual([403, 'M_FORBIDDEN'])
    expect((await signIn('password of alice')).status).toBe(200)
  })
})

describe('POST /account/deactivate', () => {
  test('asks for the password and ends the account for ever', async () => {
    const { server, alice, two, signIn } = await twoDevices()
    const asked = await alice.request('POST', deactivate, {})
    expect(asked.status).toBe(401)
    expect(asked.body.flows).toEqual([{ stages: ['m.login.password'] }])
    const wrong = await alice.request('POST', deactivate, { auth: passwordAuth('alice', 'wrong') })
    expect([wrong.status, wrong.body.errcode]).toEqual([401, 'M_FORBIDDEN'])
    const done = await alice.request('POST', deactivate, { auth: passwordAuth('alice') })
    expect(done.body).toEqual({ id_server_unbind_result: 'success' })
    for (const user of [alice, two]) expect((await user.request('GET', `${client}/devices`)).status).toBe(401)
    expect((await signIn('password of alice')).status).toBe(403)
    const again = await server.request('GET', `${client}/register/available?username=alice`)
    expect(again.body.errcode).toBe('M_USER_IN_USE')
    expect(await server.app.administration.setPassword({ name: 'alice', password: 'a new password' })).toHaveProperty('refused')
  })

  test('works without a session for who knows the password', async () => {
    const { server, signIn } = await twoDevices()
    expect((await server.request('POST', deactivate, { auth: passwordAuth('alice'), erase: true })).status).toBe(200)
    expect((await signIn('password of alice')).status).toBe(403)
  })
})

test('GET /account/3pid: nobody has third-party identifiers', async () => {
  const { alice } = await twoDevices()
  expect((await alice.request('GET', `${client}/account/3pid`)).body).toEqual({ threepids: [] })
})
