import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { TestServer } from '../support/world.ts'
import { client, oneServer } from './cheap-world.ts'

const path = '/_synapse/admin/v1/register'
const secret = 'a shared secret'
const settings = { HAUSBOTE_REGISTRATION: 'closed', HAUSBOTE_REGISTRATION_SHARED_SECRET: secret }

async function register(server: TestServer, username: string, change: Record<string, unknown> = {}, key = secret) {
  const { nonce } = (await server.request('GET', path)).body
  const fields = { nonce, username, password: `password of ${username}`, admin: false, ...change }
  const signed = [fields.nonce, fields.username, fields.password, fields.admin ? 'admin' : 'notadmin'].join('\0')
  const mac = createHmac('sha1', key).update(signed).digest('hex')
  return { fields: { mac, ...fields }, answer: await server.request('POST', path, { mac, ...fields }) }
}

describe('registration with the shared secret', () => {
  test('makes users and administrators although registration is closed', async () => {
    const { server } = await oneServer(settings)
    const { answer } = await register(server, 'User-UPPER')
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({
      user_id: '@user-upper:a.test',
      access_token: expect.any(String),
      device_id: expect.any(String),
    })
    const headers = { authorization: `Bearer ${answer.body.access_token}` }
    expect((await server.request('GET', `${client}/account/whoami`, undefined, { headers })).status).toBe(200)
    expect((await register(server, 'boss', { admin: true })).answer.status).toBe(200)
    expect(server.app.administration.listUsers()).toMatchObject([
      { userId: '@boss:a.test', admin: true },
      { userId: '@user-upper:a.test', admin: false },
    ])
  })

  test('takes a nonce once', async () => {
    const { server } = await oneServer(settings)
    const { fields } = await register(server, 'alice')
    const again = await server.request('POST', path, fields)
    expect([again.status, again.body.errcode]).toEqual([400, 'M_UNKNOWN'])
  })

  test('takes no nonce after a minute', async () => {
    const { world, server } = await oneServer(settings)
    const { nonce } = (await server.request('GET', path)).body
    await world.clock.advance(60_000)
    expect((await register(server, 'alice', { nonce })).answer.body.errcode).toBe('M_UNKNOWN')
  })

  test.each([
    ['another secret', {}, 'wrong', 403, 'M_FORBIDDEN'],
    ['rights that were not signed', { mac: 'aa' }, secret, 403, 'M_FORBIDDEN'],
    ['a bad name', { username: 'us,er' }, secret, 400, 'M_INVALID_USERNAME'],
    ['a weak password', { password: 'short' }, secret, 400, 'M_WEAK_PASSWORD'],
  ])('refuses %s', async (_, change, key, status, errcode) => {
    const { server } = await oneServer(settings)
    const { answer } = await register(server, 'alice', change, key)
    expect([answer.status, answer.body.errcode]).toEqual([status, errcode])
    expect(server.app.administration.listUsers()).toEqual([])
  })

  test('refuses a name that is taken', async () => {
    const { server } = await oneServer(settings)
    await register(server, 'alice')
    expect((await register(server, 'alice')).answer.body.errcode).toBe('M_USER_IN_USE')
  })

  test('is not there without a secret', async () => {
    const { server } = await oneServer()
    for (const method of ['GET', 'POST']) {
      const answer = await server.request(method, path, method === 'POST' ? {} : undefined)
      expect([answer.status, answer.body.errcode]).toEqual([404, 'M_UNRECOGNIZED'])
    }
  })
})
