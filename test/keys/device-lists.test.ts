import { expect, test } from 'vitest'
import { deviceRenamed, forgetCrossSigningKeys, forgetDeviceKeys } from '../../src/keys/forget.ts'
import { clientKey, crossSigningKey, deviceKeysOf } from './key-material.ts'
import { createKeysKit, keyChanges } from './keys-kit.ts'
import type { TestDevice } from './kit.ts'

const upload = '/_matrix/client/v3/keys/upload'
const changes = '/_matrix/client/v3/keys/changes'

async function uploadKeys(device: TestDevice): Promise<void> {
  const device_keys = deviceKeysOf(device.userId, device.deviceId, clientKey())
  expect((await device.request('POST', upload, { device_keys })).status).toBe(200)
}

test('those who share a room, and the user, learn of changed keys; nobody else does', async () => {
  const kit = createKeysKit()
  const [alice, bob, carol] = [await kit.user('alice'), await kit.user('bob'), await kit.user('carol')]
  await kit.room(alice, bob)
  const since = alice.sync().next
  await uploadKeys(bob)
  for (const device of [alice, bob]) {
    const { fields, news, next } = device.sync(since)
    expect([fields.device_lists, news]).toEqual([{ changed: [bob.userId], left: [] }, true])
    expect(device.sync(next).fields.device_lists).toBeUndefined()
  }
  expect(carol.sync(since)).toMatchObject({ news: false, fields: { device_one_time_keys_count: { signed_curve25519: 0 } } })
  expect(carol.sync(since).fields.device_lists).toBeUndefined()
  expect(alice.sync().fields.device_lists).toBeUndefined()
})

test('with many changed users it is the same', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const others = await Promise.all(Array.from({ length: 60 }, (_, index) => kit.user(`other${index}`)))
  const friends = others.slice(0, 10)
  await kit.room(alice, ...friends)
  const since = alice.sync().next
  await Promise.all(others.map(uploadKeys))
  const changed: string[] = alice.sync(since).fields.device_lists.changed
  expect(changed.sort()).toEqual(friends.map(({ userId }) => userId).sort())
})

test('the same keys again, and one-time keys, are no change', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const device_keys = deviceKeysOf(alice.userId, alice.deviceId, clientKey())
  await alice.request('POST', upload, { device_keys })
  const since = alice.sync().next
  await alice.request('POST', upload, { device_keys, one_time_keys: { 'a:1': 'x' } })
  expect(alice.sync(since).fields.device_lists).toBeUndefined()
})

test('other names, deleted devices and cross-signing keys are changes, but a device without keys is none', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  let since = alice.sync().next
  const changed = () => {
    const { fields, next } = alice.sync(since)
    since = next
    return fields.device_lists !== undefined
  }
  const { storage } = kit
  await storage.write((tx) => deviceRenamed(tx, keyChanges, alice.userId, alice.deviceId))
  await storage.write((tx) => forgetDeviceKeys(tx, keyChanges, alice.userId, alice.deviceId))
  await storage.write((tx) => forgetCrossSigningKeys(tx, keyChanges, alice.userId))
  expect(changed()).toBe(false)
  await uploadKeys(alice)
  expect(changed()).toBe(true)
  await storage.write((tx) => deviceRenamed(tx, keyChanges, alice.userId, alice.deviceId))
  expect(changed()).toBe(true)
  await storage.write((tx) => forgetDeviceKeys(tx, keyChanges, alice.userId, alice.deviceId))
  expect(changed()).toBe(true)
  await alice.request('POST', '/_matrix/client/v3/keys/device_signing/upload', {
    master_key: crossSigningKey(alice.userId, 'master', clientKey()),
  })
  expect(changed()).toBe(true)
  await storage.write((tx) => forgetCrossSigningKeys(tx, keyChanges, alice.userId))
  expect(changed()).toBe(true)
})

test('a change wakes by room, not by member', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  const nid = await kit.room(alice, bob)
  const woken = kit.storage.waiters.wait([`room/${nid}`], 1000, undefined)
  const own = kit.storage.waiters.wait([`user/${bob.userId}`], 1000, undefined)
  await uploadKeys(bob)
  expect(await Promise.all([woken, own])).toEqual(['woken', 'woken'])
})

test('those who began or ceased to share a room are told as well', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const since = alice.sync().next
  kit.sharing.joined = ['@new:a.test']
  kit.sharing.left = ['@old:a.test']
  const expected = { changed: ['@new:a.test'], left: ['@old:a.test'] }
  expect(alice.sync(since)).toMatchObject({ news: true, fields: { device_lists: expected } })
  expect((await alice.request('GET', `${changes}?from=${since}&to=${since}`)).body).toEqual(expected)
})

test('a signature over another user’s key tells the signer’s devices, not the other user', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  await kit.room(alice, bob)
  const [master, userSigning, bobsMaster] = [clientKey(), clientKey(), clientKey()]
  await alice.request('POST', '/_matrix/client/v3/keys/device_signing/upload', {
    master_key: crossSigningKey(alice.userId, 'master', master),
    user_signing_key: master.sign(crossSigningKey(alice.userId, 'user_signing', userSigning), alice.userId),
  })
  const master_key = crossSigningKey(bob.userId, 'master', bobsMaster)
  await bob.request('POST', '/_matrix/client/v3/keys/device_signing/upload', { master_key })
  const since = alice.sync().next
  await alice.request('POST', '/_matrix/client/v3/keys/signatures/upload', {
    [bob.userId]: { [bobsMaster.publicKey]: userSigning.sign(master_key, alice.userId) },
  })
  expect(alice.sync(since).fields.device_lists).toEqual({ changed: [bob.userId], left: [] })
  expect(bob.sync(since).fields.device_lists).toBeUndefined()
})

test('/keys/changes says what sync said, and refuses what is no token', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await kit.user('alice'), await kit.user('bob')]
  const nid = await kit.room(alice, bob)
  const from = alice.sync().next
  await uploadKeys(bob)
  const to = alice.sync(from).next
  const ask = (query: string) => alice.request('GET', `${changes}?${query}`)
  expect(await ask(`from=${from}&to=${to}`)).toEqual({ status: 200, body: { changed: [bob.userId], left: [] } })
  expect((await ask(`from=${to}&to=${to}`)).body).toEqual({ changed: [], left: [] })
  await kit.leave(nid, bob)
  expect((await ask(`from=${from}&to=${to}`)).body).toEqual({ changed: [], left: [] })
  expect((await ask(`from=x&to=${to}`)).body.errcode).toBe('M_INVALID_PARAM')
  expect((await ask(`from=${from}`)).body.errcode).toBe('M_MISSING_PARAM')
})
