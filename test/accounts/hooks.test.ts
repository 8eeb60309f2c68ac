import { expect, test } from 'vitest'
import { createAuthenticator } from '../../src/accounts/authenticator.ts'
import { createSessions } from '../../src/accounts/sessions.ts'
import { deviceOf, devicesOf, findUser, isDeactivated } from '../../src/accounts/store.ts'
import { tokenHash } from '../../src/accounts/token-pairs.ts'
import type { UserId } from '../../src/matrix/identifiers.ts'
import { silentLog } from '../../src/platform/log.ts'
import { systemRandom } from '../../src/platform/random.ts'
import { oneServer } from './cheap-world.ts'

const alice = '@alice:a.test' as UserId

/** Sessions on a real database, with hooks that write down how they were called. */
async function setUp() {
  const { world, server } = await oneServer()
  await server.register('alice', { deviceId: 'ONE' })
  const { storage } = server.app
  const calls: unknown[][] = []
  let failing = false
  const record =
    (name: string) =>
    (_: unknown, ...rest: unknown[]) => {
      calls.push([name, ...rest])
      if (failing) throw new Error('the hook failed')
    }
  const authenticator = createAuthenticator({ storage, clock: world.clock, timers: world.clock, log: silentLog })
  const sessions = createSessions({
    clock: world.clock,
    random: systemRandom,
    authenticator,
    hooks: {
      onDeviceRemoved: record('removed'),
      onDeviceChanged: record('changed'),
      onDeactivated: record('deactivated'),
      isCrossSigningKey: (_, userId, deviceId) => userId === alice && deviceId === 'a key',
    },
  })
  const start = (deviceId: string) =>
    storage.write((tx) => {
      const started = sessions.start(tx, alice, { device_id: deviceId }, '192.0.2.1')
      return 'tokens' in started ? started.tokens.access_token : started.problem
    })
  return {
    storage,
    sessions,
    authenticator,
    calls,
    start,
    fail: () => {
      failing = true
    },
  }
}

test('a device that is removed, renamed or ended with its account is told to the others', async () => {
  const { storage, sessions, calls, start } = await setUp()
  await start('TWO')
  expect(calls).toEqual([])
  await storage.write((tx) => sessions.rename(tx, alice, 'TWO', 'Phone'))
  expect(calls.splice(0)).toEqual([['changed', alice, 'TWO']])
  expect(await storage.write((tx) => sessions.end(tx, alice, 'TWO'))).toBe(true)
  expect(await storage.write((tx) => sessions.end(tx, alice, 'TWO'))).toBe(false)
  expect(calls.splice(0)).toEqual([['removed', alice, 'TWO']])
  await start('TWO')
  await storage.write((tx) => sessions.endAll(tx, alice, 'ONE'))
  expect(calls.splice(0)).toEqual([['removed', alice, 'TWO']])
  await storage.write((tx) => sessions.deactivate(tx, alice, true))
  expect(calls.splice(0)).toEqual([
    ['removed', alice, 'ONE'],
    ['deactivated', alice, true],
  ])
  // Once only.
  await storage.write((tx) => sessions.deactivate(tx, alice, true))
  expect(calls).toEqual([])
  expect(findUser(storage.reader, alice)).toMatchObject({ deactivated: true, passwordHash: null })
})

test('when another part fails, nothing has happened, and the session lives on', async () => {
  const { storage, sessions, authenticator, start, fail } = await setUp()
  const token = await start('TWO')
  expect(authenticator.authenticate(token)).toHaveProperty('session')
  fail()
  await expect(storage.write((tx) => sessions.deactivate(tx, alice, false))).rejects.toThrow('the hook failed')
  expect(isDeactivated(storage.reader, alice)).toBe(false)
  expect(devicesOf(storage.reader, alice)).toHaveLength(2)
  expect(authenticator.authenticate(token)).toMatchObject({ session: { userId: alice, deviceId: 'TWO', admin: false } })
})

test('a session ends in the moment in which its removal is safe, not before', async () => {
  const { storage, sessions, authenticator, start } = await setUp()
  const token = await start('TWO')
  const ending = storage.write((tx) => sessions.end(tx, alice, 'TWO'))
  expect(authenticator.authenticate(token)).toHaveProperty('session')
  await ending
  expect(authenticator.authenticate(token)).toMatchObject({ error: { code: 'M_UNKNOWN_TOKEN' } })
})

test('no device gets the name of a cross-signing key', async () => {
  const { storage, start } = await setUp()
  expect(await start('a key')).toBe('cross-signing-key')
  expect(deviceOf(storage.reader, alice, 'a key')).toBeUndefined()
})

test('the address of a device is noted', async () => {
  const { storage, authenticator, start } = await setUp()
  const token = await start('TWO')
  expect(deviceOf(storage.reader, alice, 'TWO')?.lastSeenIp).toBe('192.0.2.1')
  authenticator.authenticate(token, '192.0.2.2')
  await authenticator.close()
  expect(deviceOf(storage.reader, alice, 'TWO')?.lastSeenIp).toBe('192.0.2.2')
})

test('sessions beyond those kept in memory are found again', async () => {
  const { storage, authenticator, start } = await setUp()
  const token = await start('TWO')
  expect(authenticator.authenticate(token)).toHaveProperty('session')
  await storage.write((tx) => {
    const insert = tx.raw.prepare("INSERT INTO token_pairs (user_id, device_id, access_hash) VALUES (?, 'MANY', ?)")
    for (let count = 0; count < 10_001; count += 1) insert.run(alice, tokenHash(`token ${count}`))
  })
  for (let count = 0; count < 10_001; count += 1) expect(authenticator.authenticate(`token ${count}`)).toHaveProperty('session')
  expect(authenticator.authenticate(token)).toMatchObject({ session: { deviceId: 'TWO' } })
})
