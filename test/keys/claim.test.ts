import { expect, test } from 'vitest'
import { forgetDeviceKeys } from '../../src/keys/forget.ts'
import { oneTimeKeys } from './key-material.ts'
import { createKeysKit, keyChanges } from './keys-kit.ts'
import type { TestDevice } from './kit.ts'

const upload = '/_matrix/client/v3/keys/upload'
const claim = '/_matrix/client/v3/keys/claim'

const wish = (target: TestDevice) => ({
  one_time_keys: { [target.userId]: { [target.deviceId]: 'signed_curve25519' } },
})

async function claimOne(by: TestDevice, target: TestDevice): Promise<string | undefined> {
  const { status, body } = await by.request('POST', claim, wish(target))
  expect(status).toBe(200)
  return Object.keys(body.one_time_keys[target.userId]?.[target.deviceId] ?? {})[0]
}

test('keys are given in the order of their upload, once each, as they were uploaded', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  const later = oneTimeKeys(alice.userId, alice.deviceId, 0, 1)
  const sooner = oneTimeKeys(alice.userId, alice.deviceId, 1, 1)
  await alice.request('POST', upload, { one_time_keys: sooner })
  await alice.request('POST', upload, { one_time_keys: later })
  for (const expected of [sooner, later]) {
    const { body } = await bob.request('POST', claim, wish(alice))
    expect(body).toEqual({ one_time_keys: { [alice.userId]: { [alice.deviceId]: expected } }, failures: {} })
  }
  expect((await bob.request('POST', claim, wish(alice))).body).toEqual({ one_time_keys: {}, failures: {} })
})

test('then the fallback key is given, again and again, and the device learns of it', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  const fallback = { 'signed_curve25519:F': { key: 'f', fallback: true, signatures: {} } }
  await alice.request('POST', upload, {
    one_time_keys: oneTimeKeys(alice.userId, alice.deviceId, 1, 1),
    fallback_keys: fallback,
  })
  expect(await claimOne(bob, alice)).toBe('signed_curve25519:1')
  const stock = () => alice.sync().fields
  expect(stock()).toEqual({
    device_one_time_keys_count: { signed_curve25519: 0 },
    device_unused_fallback_key_types: ['signed_curve25519'],
  })
  for (let round = 0; round < 2; round += 1) {
    const { body } = await bob.request('POST', claim, wish(alice))
    expect(body.one_time_keys[alice.userId][alice.deviceId]).toEqual(fallback)
    expect(stock().device_unused_fallback_key_types).toEqual([])
  }
  await alice.request('POST', upload, { fallback_keys: fallback })
  expect(stock().device_unused_fallback_key_types).toEqual([])
  await alice.request('POST', upload, { fallback_keys: { 'signed_curve25519:G': { key: 'g', signatures: {} } } })
  expect(stock().device_unused_fallback_key_types).toEqual(['signed_curve25519'])
})

test('a key that was given does not come back with a repeated upload', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  const keys = { one_time_keys: oneTimeKeys(alice.userId, alice.deviceId, 1, 2) }
  await alice.request('POST', upload, keys)
  expect(await claimOne(bob, alice)).toBe('signed_curve25519:1')
  const repeated = await alice.request('POST', upload, keys)
  expect(repeated.body).toEqual({ one_time_key_counts: { signed_curve25519: 1 } })
  expect(await claimOne(bob, alice)).toBe('signed_curve25519:2')
  expect(await claimOne(bob, alice)).toBeUndefined()
})

test('of given keys the newest thousand are remembered', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  const add = (first: number, count: number) =>
    alice.request('POST', upload, { one_time_keys: oneTimeKeys(alice.userId, alice.deviceId, first, count) })
  for (const first of [0, 1000]) {
    await add(first, 1000)
    await Promise.all(Array.from({ length: 1000 }, () => claimOne(bob, alice)))
  }
  expect((await add(0, 1000)).body.one_time_key_counts.signed_curve25519).toBe(0)
  const remembered = kit.storage.reader.raw.prepare('SELECT count(*) FROM given_keys').pluck().get()
  expect(remembered).toBe(1000)
  expect((await add(1000, 1000)).body.one_time_key_counts.signed_curve25519).toBe(0)
})

test('many claims at once never give one key twice', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const others = await Promise.all(Array.from({ length: 8 }, (_, index) => kit.user(`other${index}`)))
  await alice.request('POST', upload, { one_time_keys: oneTimeKeys(alice.userId, alice.deviceId, 0, 300) })
  const claims = Array.from({ length: 400 }, (_, index) => claimOne(others[index % others.length] as TestDevice, alice))
  const given = (await Promise.all(claims)).filter((name) => name !== undefined)
  expect(given).toHaveLength(300)
  expect(new Set(given).size).toBe(300)
})

test('nor with uploads in between and restarts', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  const given: (string | undefined)[] = []
  for (let round = 0; round < 5; round += 1) {
    const keys = { one_time_keys: oneTimeKeys(alice.userId, alice.deviceId, round * 20, 40) }
    const answers = await Promise.all([
      alice.request('POST', upload, keys).then(() => undefined),
      ...Array.from({ length: 30 }, () => claimOne(bob, alice)),
      alice.request('POST', upload, keys).then(() => undefined),
    ])
    given.push(...answers.filter((name) => name !== undefined))
    await kit.restart()
  }
  expect(given.length).toBeGreaterThan(50)
  expect(new Set(given).size).toBe(given.length)
})

test('unknown users, devices and algorithms are left out, other servers are failures', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  await alice.request('POST', upload, { one_time_keys: oneTimeKeys(alice.userId, alice.deviceId, 1, 1) })
  const { body } = await bob.request('POST', claim, {
    one_time_keys: {
      [alice.userId]: { NONE: 'signed_curve25519', [alice.deviceId]: 'other' },
      '@nobody:a.test': { X: 'signed_curve25519' },
      '@far:b.test': { X: 'signed_curve25519' },
      nonsense: { X: 'signed_curve25519' },
    },
  })
  expect(body.one_time_keys).toEqual({})
  expect(Object.keys(body.failures)).toEqual(['b.test'])
})

test('the keys of a deleted device are gone', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  await alice.request('POST', upload, {
    one_time_keys: oneTimeKeys(alice.userId, alice.deviceId, 1, 1),
    fallback_keys: { 'signed_curve25519:F': 'f' },
  })
  await kit.storage.write((tx) => forgetDeviceKeys(tx, keyChanges, alice.userId, alice.deviceId))
  expect(await claimOne(bob, alice)).toBeUndefined()
})
