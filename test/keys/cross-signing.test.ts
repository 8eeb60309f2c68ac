import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/matrix/json.ts'
import { type ClientKey, clientKey, crossSigningKey, deviceKeysOf } from './key-material.ts'
import { createKeysKit } from './keys-kit.ts'
import type { TestDevice } from './kit.ts'

const upload = '/_matrix/client/v3/keys/device_signing/upload'
const sign = '/_matrix/client/v3/keys/signatures/upload'
const query = '/_matrix/client/v3/keys/query'

interface Identity {
  readonly master: ClientKey
  readonly selfSigning: ClientKey
  readonly userSigning: ClientKey
  readonly body: Record<'master_key' | 'self_signing_key' | 'user_signing_key', JsonObject>
}

function identityOf(userId: string, master = clientKey()): Identity {
  const [selfSigning, userSigning] = [clientKey(), clientKey()]
  const body = {
    master_key: crossSigningKey(userId, 'master', master),
    self_signing_key: master.sign(crossSigningKey(userId, 'self_signing', selfSigning), userId),
    user_signing_key: master.sign(crossSigningKey(userId, 'user_signing', userSigning), userId),
  }
  return { master, selfSigning, userSigning, body }
}

async function keysSeenBy(viewer: TestDevice, userId: string) {
  const { body } = await viewer.request('POST', query, { device_keys: { [userId]: [] } })
  return {
    devices: body.device_keys[userId],
    master: body.master_keys[userId],
    selfSigning: body.self_signing_keys[userId],
    userSigning: body.user_signing_keys[userId],
  }
}

/** A user with device keys and a cross-signing identity. */
async function person(kit: ReturnType<typeof createKeysKit>, localpart: string) {
  const device = await kit.user(localpart)
  const deviceKey = clientKey()
  const deviceKeys = deviceKeysOf(device.userId, device.deviceId, deviceKey)
  await device.request('POST', '/_matrix/client/v3/keys/upload', { device_keys: deviceKeys })
  const identity = identityOf(device.userId)
  expect(await device.request('POST', upload, identity.body)).toEqual({ status: 200, body: {} })
  return { ...device, deviceKey, deviceKeys, identity }
}

test('the first keys need no authentication and are seen by everybody but for the user-signing key', async () => {
  const kit = createKeysKit()
  const alice = await person(kit, 'alice')
  const bob = await kit.user('bob')
  const { master_key: master, self_signing_key: selfSigning, user_signing_key: userSigning } = alice.identity.body
  expect(await keysSeenBy(alice, alice.userId)).toMatchObject({ master, selfSigning, userSigning })
  expect(await keysSeenBy(bob, alice.userId)).toMatchObject({ master, selfSigning, userSigning: undefined })
})

test('the same keys again need no authentication, other keys do', async () => {
  const kit = createKeysKit()
  const alice = await person(kit, 'alice')
  expect((await alice.request('POST', upload, alice.identity.body)).status).toBe(200)
  const { self_signing_key } = identityOf(alice.userId, alice.identity.master).body
  const renewed = { self_signing_key }
  for (const auth of [undefined, { password: 'wrong' }]) {
    const { status, body } = await alice.request('POST', upload, { ...renewed, auth })
    expect([status, body.session]).toEqual([401, 's'])
  }
  expect((await keysSeenBy(alice, alice.userId)).selfSigning).toEqual(alice.identity.body.self_signing_key)
  expect((await alice.request('POST', upload, { ...renewed, auth: { password: 'right' } })).status).toBe(200)
  expect(await keysSeenBy(alice, alice.userId)).toMatchObject({
    selfSigning: self_signing_key,
    userSigning: alice.identity.body.user_signing_key,
  })
})

test('of two first uploads at once the second must authenticate', async () => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const answers = await Promise.all([1, 2].map(() => alice.request('POST', upload, identityOf(alice.userId).body)))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 401])
})

test('a new master key leaves no key behind that it has not signed', async () => {
  const kit = createKeysKit()
  const alice = await person(kit, 'alice')
  const master_key = identityOf(alice.userId).body.master_key
  await alice.request('POST', upload, { master_key, auth: { password: 'right' } })
  expect(await keysSeenBy(alice, alice.userId)).toMatchObject({
    master: master_key,
    selfSigning: undefined,
    userSigning: undefined,
  })
})

test.each([
  [
    'another master key’s signature',
    400,
    'M_INVALID_SIGNATURE',
    (identity: Identity) => ({
      master_key: identityOf('@alice:a.test').body.master_key,
      self_signing_key: identity.body.self_signing_key,
    }),
  ],
  [
    'no signature',
    400,
    'M_INVALID_SIGNATURE',
    ({ body }: Identity) => ({ ...body, user_signing_key: { ...body.user_signing_key, signatures: {} } }),
  ],
  [
    'a changed object',
    400,
    'M_INVALID_SIGNATURE',
    ({ body }: Identity) => ({ ...body, user_signing_key: { ...body.user_signing_key, extra: 1 } }),
  ],
  ['no master key anywhere', 400, 'M_MISSING_PARAM', ({ body }: Identity) => ({ self_signing_key: body.self_signing_key })],
  ['another user', 400, 'M_INVALID_PARAM', () => ({ master_key: crossSigningKey('@bob:a.test', 'master', clientKey()) })],
  [
    'another usage',
    400,
    'M_INVALID_PARAM',
    () => ({ master_key: crossSigningKey('@alice:a.test', 'self_signing', clientKey()) }),
  ],
  [
    'two keys',
    400,
    'M_INVALID_PARAM',
    ({ body, master }: Identity) => ({
      master_key: { ...body.master_key, keys: { [`ed25519:${master.publicKey}`]: master.publicKey, 'ed25519:x': 'x' } },
    }),
  ],
  [
    'another key id',
    400,
    'M_INVALID_PARAM',
    ({ body, master }: Identity) => ({ master_key: { ...body.master_key, keys: { 'ed25519:x': master.publicKey } } }),
  ],
  [
    'a key of small order',
    400,
    'M_INVALID_PARAM',
    ({ body }: Identity) => ({ master_key: { ...body.master_key, keys: { [`ed25519:${smallOrder}`]: smallOrder } } }),
  ],
  ['no usage', 400, 'M_BAD_JSON', ({ body }: Identity) => ({ master_key: { ...body.master_key, usage: undefined } })],
])('keys with %s are refused', async (_name, status, errcode, bodyOf) => {
  const kit = createKeysKit()
  const alice = await kit.user('alice')
  const answer = await alice.request('POST', upload, bodyOf(identityOf(alice.userId)))
  expect([answer.status, answer.body.errcode]).toEqual([status, errcode])
  expect((await keysSeenBy(alice, alice.userId)).master).toBeUndefined()
})

const smallOrder = Buffer.from([1, ...Array(31).fill(0)])
  .toString('base64')
  .replace('=', '')

test('a key that is the id of a device is refused', async () => {
  const kit = createKeysKit()
  const master = clientKey()
  const alice = await kit.user('alice', master.publicKey)
  const { status, body } = await alice.request('POST', upload, identityOf(alice.userId, master).body)
  expect([status, body.errcode]).toEqual([403, 'M_FORBIDDEN'])
})

test('the self-signing key signs own devices, for everybody to see', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await person(kit, 'alice'), await kit.user('bob')]
  const signed = alice.identity.selfSigning.sign(alice.deviceKeys, alice.userId)
  const answer = await alice.request('POST', sign, { [alice.userId]: { [alice.deviceId]: signed } })
  expect(answer).toEqual({ status: 200, body: { failures: {} } })
  expect((await keysSeenBy(bob, alice.userId)).devices[alice.deviceId]).toEqual({ ...signed, unsigned: {} })
  // The device uploads its keys again, as it does after every start: the signature stays.
  await alice.request('POST', '/_matrix/client/v3/keys/upload', { device_keys: alice.deviceKeys })
  expect((await keysSeenBy(bob, alice.userId)).devices[alice.deviceId]).toEqual({ ...signed, unsigned: {} })
  const others = deviceKeysOf(alice.userId, alice.deviceId, clientKey())
  await alice.request('POST', '/_matrix/client/v3/keys/upload', { device_keys: others })
  expect((await keysSeenBy(bob, alice.userId)).devices[alice.deviceId]).toEqual({ ...others, unsigned: {} })
})

test('own devices sign the master key, for everybody to see', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await person(kit, 'alice'), await kit.user('bob')]
  const signed = alice.deviceKey.sign(alice.identity.body.master_key, alice.userId, alice.deviceId)
  const { body } = await alice.request('POST', sign, { [alice.userId]: { [alice.identity.master.publicKey]: signed } })
  expect(body).toEqual({ failures: {} })
  expect((await keysSeenBy(bob, alice.userId)).master).toEqual(signed)
})

test('a signature over another user’s master key is seen by its maker alone', async () => {
  const kit = createKeysKit()
  const [alice, bob, carol] = [await person(kit, 'alice'), await person(kit, 'bob'), await kit.user('carol')]
  const master = bob.identity.body.master_key
  const signed = alice.identity.userSigning.sign(master, alice.userId)
  const { body } = await alice.request('POST', sign, { [bob.userId]: { [bob.identity.master.publicKey]: signed } })
  expect(body).toEqual({ failures: {} })
  expect((await keysSeenBy(alice, bob.userId)).master).toEqual(signed)
  for (const viewer of [bob, carol]) expect((await keysSeenBy(viewer, bob.userId)).master).toEqual(master)
})

test('what cannot be signed is told key by key, and the rest is stored', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await person(kit, 'alice'), await person(kit, 'bob')]
  const { master, selfSigning, userSigning, body: keys } = alice.identity
  const good = selfSigning.sign(alice.deviceKeys, alice.userId)
  const { status, body } = await alice.request('POST', sign, {
    [alice.userId]: {
      [alice.deviceId]: good,
      GONE: good,
      [master.publicKey]: selfSigning.sign(keys.master_key, alice.userId),
    },
    [bob.userId]: {
      [bob.deviceId]: userSigning.sign(bob.deviceKeys, alice.userId),
      [bob.identity.master.publicKey]: { ...userSigning.sign(bob.identity.body.master_key, alice.userId), usage: ['other'] },
    },
    '@nobody:a.test': { KEY: {} },
  })
  expect(status).toBe(200)
  const codes = Object.entries(body.failures as Record<string, Record<string, { errcode: string }>>).flatMap(([userId, failed]) =>
    Object.entries(failed).map(([keyId, { errcode }]) => [userId, keyId, errcode]),
  )
  expect(codes).toEqual([
    [alice.userId, 'GONE', 'M_NOT_FOUND'],
    [alice.userId, master.publicKey, 'M_INVALID_SIGNATURE'],
    [bob.userId, bob.deviceId, 'M_NOT_FOUND'],
    [bob.userId, bob.identity.master.publicKey, 'M_INVALID_PARAM'],
    ['@nobody:a.test', 'KEY', 'M_NOT_FOUND'],
  ])
  expect((await keysSeenBy(bob, alice.userId)).devices[alice.deviceId]).toEqual({ ...good, unsigned: {} })
})

test('invalid signatures are refused', async () => {
  const kit = createKeysKit()
  const [alice, bob] = [await person(kit, 'alice'), await person(kit, 'bob')]
  const forged = clientKey()
  const { selfSigning, master, userSigning, body: keys } = alice.identity
  const bobsMaster = bob.identity.master.publicKey
  const { body } = await alice.request('POST', sign, {
    [alice.userId]: {
      [alice.deviceId]: forged.sign(alice.deviceKeys, alice.userId, selfSigning.publicKey),
      [master.publicKey]: forged.sign(keys.master_key, alice.userId, alice.deviceId),
    },
    [bob.userId]: { [bobsMaster]: forged.sign(bob.identity.body.master_key, alice.userId, userSigning.publicKey) },
  })
  const invalid = { errcode: 'M_INVALID_SIGNATURE' }
  expect(body.failures).toMatchObject({
    [alice.userId]: { [alice.deviceId]: invalid, [master.publicKey]: invalid },
    [bob.userId]: { [bobsMaster]: invalid },
  })
})
