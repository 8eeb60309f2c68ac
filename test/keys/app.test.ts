import { expect, test } from 'vitest'
import { createWorld, type TestUser } from '../support/world.ts'
import { clientKey, crossSigningKey, deviceKeysOf, oneTimeKeys } from './key-material.ts'

const client = '/_matrix/client/v3'
const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2'
const cheap = { passwordCost: { memory: 8, iterations: 1 } }

async function twoPeople() {
  const world = await createWorld()
  const server = await world.server('a.test', {}, cheap)
  return { server, alice: await server.register('alice', { deviceId: 'A1' }), bob: await server.register('bob') }
}

async function uploadAll(user: TestUser): Promise<void> {
  const { status } = await user.request('POST', `${client}/keys/upload`, {
    device_keys: deviceKeysOf(user.userId, user.deviceId, clientKey()),
    one_time_keys: oneTimeKeys(user.userId, user.deviceId, 0, 20),
    fallback_keys: { 'signed_curve25519:F': { key: 'f', fallback: true, signatures: {} } },
  })
  expect(status).toBe(200)
}

async function claimOne(by: TestUser, target: TestUser): Promise<string | undefined> {
  const one_time_keys = { [target.userId]: { [target.deviceId]: 'signed_curve25519' } }
  const { body } = await by.request('POST', `${client}/keys/claim`, { one_time_keys })
  return Object.keys(body.one_time_keys[target.userId]?.[target.deviceId] ?? {})[0]
}

test('a key that was given is given to nobody else after a restart', async () => {
  const { server, alice, bob } = await twoPeople()
  await uploadAll(alice)
  const before = await Promise.all(Array.from({ length: 8 }, () => claimOne(bob, alice)))
  await server.restart()
  const after = await Promise.all(Array.from({ length: 12 }, () => claimOne(bob, alice)))
  expect(new Set([...before, ...after]).size).toBe(20)
  expect([...before, ...after]).not.toContain('signed_curve25519:F')
  expect(await claimOne(bob, alice)).toBe('signed_curve25519:F')
})

test('replacing cross-signing keys takes the password', async () => {
  const { alice } = await twoPeople()
  const upload = (auth?: object) =>
    alice.request('POST', `${client}/keys/device_signing/upload`, {
      master_key: crossSigningKey(alice.userId, 'master', clientKey()),
      auth,
    })
  expect((await upload()).status).toBe(200)
  const asked = await upload()
  expect([asked.status, asked.body.flows]).toEqual([401, [{ stages: ['m.login.password'] }]])
  const { session } = asked.body
  const identifier = { type: 'm.id.user', user: 'alice' }
  const password = (text: string) => ({ type: 'm.login.password', identifier, password: text, session })
  expect((await upload(password('wrong'))).status).toBe(401)
  expect((await upload(password('password of alice'))).status).toBe(200)
})

test('with a device go its keys and what waits for it', async () => {
  const { server, alice, bob } = await twoPeople()
  await uploadAll(alice)
  const messages = { [alice.userId]: { A1: { a: 1 } } }
  await bob.request('PUT', `${client}/sendToDevice/m.test/1`, { messages })
  expect((await alice.request('POST', `${client}/logout`, {})).status).toBe(200)
  const query = await bob.request('POST', `${client}/keys/query`, { device_keys: { [alice.userId]: [] } })
  expect(query.body.device_keys).toEqual({ [alice.userId]: {} })
  expect(await claimOne(bob, alice)).toBeUndefined()
  const waiting = server.app.storage.reader.raw.prepare('SELECT count(*) FROM device_inbox').pluck().get()
  expect(waiting).toBe(0)
})

test('with an account go its cross-signing keys and backups', async () => {
  const { server, alice, bob } = await twoPeople()
  const master_key = crossSigningKey(alice.userId, 'master', clientKey())
  await alice.request('POST', `${client}/keys/device_signing/upload`, { master_key })
  await alice.request('POST', `${client}/room_keys/version`, { algorithm, auth_data: {} })
  const masterSeen = async () =>
    (await bob.request('POST', `${client}/keys/query`, { device_keys: { [alice.userId]: [] } })).body.master_keys
  expect(await masterSeen()).toEqual({ [alice.userId]: master_key })
  const identifier = { type: 'm.id.user', user: 'alice' }
  const auth = { type: 'm.login.password', identifier, password: 'password of alice' }
  expect((await alice.request('POST', `${client}/account/deactivate`, { auth })).status).toBe(200)
  expect(await masterSeen()).toEqual({})
  expect(server.app.storage.reader.raw.prepare('SELECT count(*) FROM backup_versions').pluck().get()).toBe(0)
})

test('a renamed device is seen under its new name', async () => {
  const { alice, bob } = await twoPeople()
  await uploadAll(alice)
  await alice.request('PUT', `${client}/devices/A1`, { display_name: 'The new phone' })
  const { body } = await bob.request('POST', `${client}/keys/query`, { device_keys: { [alice.userId]: ['A1'] } })
  expect(body.device_keys[alice.userId].A1.unsigned).toEqual({ device_display_name: 'The new phone' })
})
