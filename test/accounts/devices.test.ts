import { describe, expect, test } from 'vitest'
import { createWorld } from '../support/world.ts'
import { cheap, client, oneServer, passwordAuth } from './cheap-world.ts'

const devices = `${client}/devices`

describe('devices', () => {
  test("are listed with name and time, only one's own", async () => {
    const { world, server } = await oneServer()
    const alice = await server.register('alice', { deviceId: 'ONE' })
    await server.login('alice', { deviceId: 'TWO' })
    await server.register('berta', { deviceId: 'OTHER' })
    const now = world.clock.now()
    expect((await alice.request('GET', devices)).body).toEqual({
      devices: [
        { device_id: 'ONE', last_seen_ts: now },
        { device_id: 'TWO', last_seen_ts: now },
      ],
    })
    expect((await alice.request('GET', `${devices}/TWO`)).body).toEqual({ device_id: 'TWO', last_seen_ts: now })
  })

  test('are renamed', async () => {
    const { server } = await oneServer()
    const alice = await server.register('alice', { deviceId: 'ONE' })
    expect((await alice.request('PUT', `${devices}/ONE`, { display_name: 'Phone' })).body).toEqual({})
    expect((await alice.request('PUT', `${devices}/ONE`, {})).body).toEqual({})
    expect((await alice.request('GET', `${devices}/ONE`)).body.display_name).toBe('Phone')
    expect((await alice.request('PUT', `${devices}/ONE`, { display_name: 7 })).body.errcode).toBe('M_BAD_JSON')
    expect((await alice.request('PUT', `${devices}/ONE`, { display_name: 'x'.repeat(256) })).body.errcode).toBe('M_BAD_JSON')
  })

  test('of others are as unknown as those that do not exist', async () => {
    const { server } = await oneServer()
    const alice = await server.register('alice')
    await server.register('berta', { deviceId: 'OTHER' })
    for (const name of ['unknown', 'OTHER']) {
      expect((await alice.request('GET', `${devices}/${name}`)).status).toBe(404)
      expect((await alice.request('PUT', `${devices}/${name}`, { display_name: 'x' })).status).toBe(404)
    }
  })

  test('show when they were last seen, without a write for each request', async () => {
    let writes = 0
    const sync = async () => {
      writes += 1
    }
    const world = await createWorld()
    const server = await world.server('a.test', {}, { ...cheap, sync })
    const alice = await server.register('alice', { deviceId: 'ONE' })
    const start = world.clock.now()
    const minutes = async (count: number) => {
      await world.clock.advance(count * 60_000)
      await server.settled()
    }
    const seen = async () => (await alice.request('GET', `${devices}/ONE`)).body.last_seen_ts - start
    writes = 0
    for (let count = 0; count < 10; count += 1) expect(await seen()).toBe(0)
    expect(writes).toBe(0)
    await minutes(4)
    expect(await seen()).toBe(0)
    for (let count = 0; count < 10; count += 1) await seen()
    await minutes(3)
    expect(await seen()).toBe(4 * 60_000)
    // One for the first sightings, one for those of minute 4.
    expect(writes).toBe(2)
  })

  test('that were seen last before a stop are remembered', async () => {
    const { world, server } = await oneServer()
    const alice = await server.register('alice', { deviceId: 'ONE' })
    await world.clock.advance(4 * 60_000)
    await alice.request('GET', devices)
    const now = world.clock.now()
    await server.restart()
    expect((await alice.request('GET', `${devices}/ONE`)).body.last_seen_ts).toBe(now)
  })
})

describe('DELETE /devices/{deviceId}', () => {
  async function twoDevices() {
    const { world, server } = await oneServer()
    const alice = await server.register('alice', { deviceId: 'ONE' })
    const two = await server.login('alice', { deviceId: 'TWO' })
    return { world, server, alice, two }
  }

  test('asks for the password, with and without body', async () => {
    const { alice } = await twoDevices()
    for (const body of [undefined, {}]) {
      const answer = await alice.request('DELETE', `${devices}/TWO`, body)
      expect(answer.status).toBe(401)
      expect(answer.body).toEqual({ flows: [{ stages: ['m.login.password'] }], params: {}, session: expect.any(String) })
    }
  })

  test('refuses a wrong password and takes the right one after it', async () => {
    const { alice, two } = await twoDevices()
    const wrong = await alice.request('DELETE', `${devices}/TWO`, { auth: passwordAuth('alice', 'wrong') })
    expect(wrong.status).toBe(401)
    expect(wrong.body).toMatchObject({ errcode: 'M_FORBIDDEN', error: expect.any(String), params: {}, flows: expect.any(Array) })
    const auth = passwordAuth('@alice:a.test', 'password of alice', wrong.body.session)
    expect((await alice.request('DELETE', `${devices}/TWO`, { auth })).body).toEqual({})
    expect((await alice.request('GET', `${devices}/TWO`)).status).toBe(404)
    expect((await two.request('GET', devices)).status).toBe(401)
    expect((await alice.request('GET', devices)).status).toBe(200)
  })

  test('refuses the password of somebody else', async () => {
    const { server, alice } = await twoDevices()
    await server.register('berta')
    const answer = await alice.request('DELETE', `${devices}/TWO`, { auth: passwordAuth('berta') })
    expect([answer.status, answer.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    expect((await alice.request('GET', `${devices}/TWO`)).status).toBe(200)
  })

  test('takes no session that was begun for another device or by another user', async () => {
    const { server, alice } = await twoDevices()
    const { session } = (await alice.request('DELETE', `${devices}/TWO`)).body
    const auth = passwordAuth('alice', 'password of alice', session)
    expect((await alice.request('DELETE', `${devices}/ONE`, { auth })).status).toBe(401)
    const berta = await server.register('berta', { deviceId: 'TWO' })
    const bertas = passwordAuth('berta', 'password of berta', session)
    expect((await berta.request('DELETE', `${devices}/TWO`, { auth: bertas })).status).toBe(401)
    expect((await alice.request('DELETE', `${devices}/TWO`, { auth })).status).toBe(200)
  })

  test('is content when the device is gone already', async () => {
    const { alice } = await twoDevices()
    expect((await alice.request('DELETE', `${devices}/NEVER`, { auth: passwordAuth('alice') })).body).toEqual({})
  })

  test.each([
    ['no JSON', '{', 'M_NOT_JSON'],
    ['a list', '[]', 'M_BAD_JSON'],
    ['an authentication that is none', { auth: [] }, 'M_BAD_JSON'],
  ])('refuses %s', async (_, body, errcode) => {
    const { alice } = await twoDevices()
    expect((await alice.request('DELETE', `${devices}/TWO`, body)).body.errcode).toBe(errcode)
  })

  test.each([
    ['no password', { type: 'm.login.password', user: 'alice' }, 401, 'M_MISSING_PARAM'],
    [
      'an e-mail address',
      { type: 'm.login.password', identifier: { type: 'm.id.thirdparty' }, password: 'x' },
      403,
      'M_FORBIDDEN',
    ],
    ['another stage', { type: 'm.login.dummy' }, 401, 'M_UNRECOGNIZED'],
    ['nobody', { type: 'm.login.password', user: 'nobody', password: 'x' }, 401, 'M_FORBIDDEN'],
  ])('refuses %s', async (_, auth, status, errcode) => {
    const { alice } = await twoDevices()
    const answer = await alice.request('DELETE', `${devices}/TWO`, { auth })
    expect([answer.status, answer.body.errcode]).toEqual([status, errcode])
    expect((await alice.request('GET', `${devices}/TWO`)).status).toBe(200)
  })
})

describe('POST /delete_devices', () => {
  test('deletes several, and those that are not there', async () => {
    const { server } = await oneServer()
    const alice = await server.register('alice', { deviceId: 'ONE' })
    for (const deviceId of ['TWO', 'THREE', 'FOUR']) await server.login('alice', { deviceId })
    await server.register('berta', { deviceId: 'OTHER' })
    const wish = { devices: ['TWO', 'THREE', 'NEVER', 'OTHER'] }
    const { status, body } = await alice.request('POST', `${client}/delete_devices`, wish)
    expect(status).toBe(401)
    const auth = passwordAuth('alice', 'password of alice', body.session)
    // The session was begun for other devices.
    expect((await alice.request('POST', `${client}/delete_devices`, { devices: ['FOUR'], auth })).status).toBe(401)
    expect((await alice.request('POST', `${client}/delete_devices`, { ...wish, auth })).body).toEqual({})
    expect((await alice.request('GET', devices)).body.devices).toMatchObject([{ device_id: 'FOUR' }, { device_id: 'ONE' }])
    expect((await server.login('berta')).userId).toBe('@berta:a.test')
  })

  test('needs a list', async () => {
    const { server } = await oneServer()
    const alice = await server.register('alice')
    expect((await alice.request('POST', `${client}/delete_devices`, {})).body.errcode).toBe('M_BAD_JSON')
    const many = { devices: Array.from({ length: 1001 }, String) }
    expect((await alice.request('POST', `${client}/delete_devices`, many)).body.errcode).toBe('M_BAD_JSON')
  })
})
