import { expect, test } from 'vitest'
import { clientKey, deviceKeysOf } from './key-material.ts'
import { createKeysKit } from './keys-kit.ts'

const upload = '/_matrix/client/v3/keys/upload'
const query = '/_matrix/client/v3/keys/query'

test('devices come as uploaded, with their display name', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice', 'ALICE1', 'Alice’s "phone"')
  const bob = await kit.user('bob')
  const keys = deviceKeysOf(alice.userId, alice.deviceId, clientKey())
  await alice.request('POST', upload, { device_keys: { ...keys, unsigned: { device_display_name: 'a lie' } } })
  const { status, body } = await bob.request('POST', query, { device_keys: { [alice.userId]: [] } })
  expect(status).toBe(200)
  const unsigned = { device_display_name: 'Alice’s "phone"' }
  expect(body).toEqual({
    device_keys: { [alice.userId]: { ALICE1: { ...keys, unsigned } } },
    master_keys: {},
    self_signing_keys: {},
    user_signing_keys: {},
    failures: {},
  })
})

test('all devices or those that are named; unknown users and devices are left out', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice', 'A1')
  const second = await kit.device(alice.userId, 'A2')
  const bob = await kit.user('bob')
  for (const device of [alice, second])
    await device.request('POST', upload, { device_keys: deviceKeysOf(device.userId, device.deviceId, clientKey()) })
  const devicesOf = async (wish: Record<string, string[]>) => {
    const { body } = await bob.request('POST', query, { device_keys: wish })
    const users = Object.entries(body.device_keys as Record<string, object>)
    return Object.fromEntries(users.map(([userId, devices]) => [userId, Object.keys(devices)]))
  }
  expect(await devicesOf({ [alice.userId]: [] })).toEqual({ [alice.userId]: ['A1', 'A2'] })
  expect(await devicesOf({ [alice.userId]: ['A2', 'A2', 'A3'] })).toEqual({ [alice.userId]: ['A2'] })
  expect(await devicesOf({ [bob.userId]: [], '@nobody:a.test': [], nonsense: [] })).toEqual({ [bob.userId]: [] })
})

test('other servers are failures', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const { body } = await alice.request('POST', query, { device_keys: { '@x:b.test': [], '@y:b.test': ['D'] } })
  expect(body.device_keys).toEqual({})
  expect(Object.keys(body.failures)).toEqual(['b.test'])
})

test.each([
  ['devices as an object', { device_keys: { '@bob:a.test': { D1: true } } }],
  ['devices as an object under a name with a line break', { device_keys: { '@bob\n:a.test': { D1: true } } }],
  ['no device_keys', {}],
  ['a device that is no text', { device_keys: { '@bob:a.test': [1] } }],
])('%s is refused', async (_name, body) => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const answer = await alice.request('POST', query, body)
  expect([answer.status, answer.body.errcode]).toEqual([400, 'M_BAD_JSON'])
})

test('names that mean something to JavaScript are ordinary names', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice', '__proto__')
  const keys = deviceKeysOf(alice.userId, '__proto__', clientKey())
  expect(
    (await alice.request('POST', upload, { device_keys: keys, one_time_keys: { '__proto__:constructor': 'k' } })).status,
  ).toBe(200)
  const { body } = await alice.request('POST', query, { device_keys: { [alice.userId]: [] } })
  expect(Object.keys(body.device_keys[alice.userId])).toEqual(['__proto__'])
  const claimed = await alice.request(
    'POST',
    '/_matrix/client/v3/keys/claim',
    `{"one_time_keys":{"${alice.userId}":{"__proto__":"__proto__"}}}`,
  )
  expect(JSON.stringify(claimed.body.one_time_keys)).toContain('"__proto__:constructor":"k"')
})

test('a request asks for at most 2,000 users and 5,000 devices', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const users = Object.fromEntries(Array.from({ length: 2001 }, (_, index) => [`@u${index}:a.test`, []]))
  expect((await alice.request('POST', query, { device_keys: users })).body.errcode).toBe('M_INVALID_PARAM')
  const devices = { [alice.userId]: Array.from({ length: 5001 }, (_, index) => `D${index}`) }
  expect((await alice.request('POST', query, { device_keys: devices })).body.errcode).toBe('M_INVALID_PARAM')
})
