import { expect, test } from 'vitest'
import { clientKey, crossSigningKey, deviceKeysOf, oneTimeKeys } from './key-material.ts'
import { createKeysKit } from './keys-kit.ts'

const upload = '/_matrix/client/v3/keys/upload'

test('counts are answered per algorithm, and a repeated upload changes nothing', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const body = { one_time_keys: { ...oneTimeKeys(alice.userId, alice.deviceId, 1, 5), 'curve25519:1': 'plain' } }
  const counts = { signed_curve25519: 5, curve25519: 1 }
  expect(await alice.request('POST', upload, body)).toEqual({ status: 200, body: { one_time_key_counts: counts } })
  expect((await alice.request('POST', upload, body)).body).toEqual({ one_time_key_counts: counts })
  expect((await alice.request('POST', upload, {})).body).toEqual({ one_time_key_counts: counts })
})

test('a key id keeps its value: another value is refused and nothing of the upload is kept', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const first = oneTimeKeys(alice.userId, alice.deviceId, 1, 1)
  await alice.request('POST', upload, { one_time_keys: first })
  const answer = await alice.request('POST', upload, {
    one_time_keys: {
      'signed_curve25519:0': first['signed_curve25519:1'],
      'signed_curve25519:1': { key: 'other', signatures: {} },
    },
  })
  expect([answer.status, answer.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
  expect(answer.body.error).toContain('signed_curve25519:1')
  expect((await alice.request('POST', upload, {})).body.one_time_key_counts).toEqual({ signed_curve25519: 1 })
})

test('the same key signed anew is the same key', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  for (const signature of ['b25l', 'dHdv']) {
    const key = { key: 'k', signatures: { [alice.userId]: { 'ed25519:ALICE1': signature } } }
    const answer = await alice.request('POST', upload, { one_time_keys: { 'signed_curve25519:1': key } })
    expect(answer.body).toEqual({ one_time_key_counts: { signed_curve25519: 1 } })
  }
})

test('a device has at most 1,000 keys of one algorithm', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const add = (first: number, count: number) =>
    alice.request('POST', upload, { one_time_keys: oneTimeKeys(alice.userId, alice.deviceId, first, count) })
  expect((await add(0, 1000)).body.one_time_key_counts.signed_curve25519).toBe(1000)
  expect((await add(1000, 1)).body.errcode).toBe('M_INVALID_PARAM')
  expect((await add(999, 1)).body.one_time_key_counts.signed_curve25519).toBe(1000)
})

test.each([
  ['another user', { user_id: '@bob:a.test' }, 'M_INVALID_PARAM', 'device_keys.user_id'],
  ['another device', { device_id: 'BOB1' }, 'M_INVALID_PARAM', 'device_keys.device_id'],
  ['no algorithms', { algorithms: undefined }, 'M_BAD_JSON', 'device_keys.algorithms'],
  ['no signatures', { signatures: undefined }, 'M_BAD_JSON', 'device_keys.signatures'],
  ['a key that is no text', { keys: { 'ed25519:ALICE1\n': 5 } }, 'M_BAD_JSON', 'device_keys.keys'],
  ['a fraction', { extra: 1.5 }, 'M_BAD_JSON', 'device_keys: extra'],
])('device keys with %s are refused', async (_name, change, errcode, field) => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const deviceKeys = { ...deviceKeysOf(alice.userId, alice.deviceId, clientKey()), ...change }
  const { status, body } = await alice.request('POST', upload, { device_keys: deviceKeys })
  expect([status, body.errcode]).toEqual([400, errcode])
  expect(body.error).toContain(field)
})

test.each(['signed_curve25519', 'signed_curve25519:', ':1', `x:${'y'.repeat(300)}`])(
  'the key name %s is refused',
  async (name) => {
    const kit = createKeysKit()
    const alice = await kit.user('alice')
    for (const field of ['one_time_keys', 'fallback_keys']) {
      const { body } = await alice.request('POST', upload, { [field]: { [name]: 'key' } })
      expect(body.errcode).toBe('M_INVALID_PARAM')
      expect(body.error).toContain(field)
    }
  },
)

test('there is one fallback key for each algorithm', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const { body } = await alice.request('POST', upload, { fallback_keys: { 'a:1': 'x', 'a:2': 'y' } })
  expect(body.errcode).toBe('M_INVALID_PARAM')
  await alice.request('POST', upload, { fallback_keys: { 'a:1': 'x', 'b:1': 'y' } })
  expect(alice.sync().fields.device_unused_fallback_key_types).toEqual(['a', 'b'])
})

test('a device that is gone uploads nothing', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  await kit.storage.write((tx) => tx.raw.prepare('DELETE FROM devices').run())
  const { status, body } = await alice.request('POST', upload, { one_time_keys: { 'a:1': 'x' } })
  expect([status, body.errcode]).toEqual([401, 'M_UNKNOWN_TOKEN'])
})

test('a device whose id is a cross-signing key of the user gets no keys', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const master = clientKey()
  await alice.request('POST', '/_matrix/client/v3/keys/device_signing/upload', {
    master_key: crossSigningKey(alice.userId, 'master', master),
  })
  const evil = await kit.device(alice.userId, master.publicKey)
  const { status, body } = await evil.request('POST', upload, {
    device_keys: deviceKeysOf(alice.userId, master.publicKey, clientKey()),
  })
  expect([status, body.errcode]).toEqual([403, 'M_FORBIDDEN'])
})
