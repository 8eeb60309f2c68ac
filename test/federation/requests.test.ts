import { expect, it, test } from 'vitest'
import { authorizationFor } from '../../src/federation/request-auth.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import { createWorld, federating } from '../support/world.ts'
import { createPeer, profileOf } from './kit.ts'

async function setUp() {
  const world = await createWorld()
  const server = await world.server('a.test', federating)
  const alice = await server.register('alice')
  const { signer } = createPeer(world, 'peer.test')
  const target = profileOf(alice.userId)
  const sign = (destination = 'a.test', signedTarget = target) =>
    authorizationFor(signer, {
      method: 'GET',
      target: signedTarget,
      destination: destination as ServerName,
      content: undefined,
    })
  const ask = (authorization?: string) =>
    server.federation('GET', target, undefined, authorization === undefined ? {} : { headers: { authorization } })
  return { world, ask, sign, signer, server }
}

it('answers servers that sign', async () => {
  const { ask, sign } = await setUp()
  expect(await ask(sign())).toMatchObject({ status: 200, body: {} })
  // Of before version 1.3; the signature still covers the destination.
  expect((await ask(sign().replace('destination="a.test",', ''))).status).toBe(200)
})

const refused = { status: 401, body: { errcode: 'M_UNAUTHORIZED' } }

it('refuses everything else, and asks nobody for keys where that could not help', async () => {
  const { ask, sign, world } = await setUp()
  expect(await ask()).toMatchObject(refused)
  expect(await ask('Bearer token')).toMatchObject(refused)
  expect(await ask('X-Matrix origin=peer.test')).toMatchObject(refused)
  expect(await ask(sign('b.test'))).toMatchObject({ ...refused, body: { error: expect.stringContaining('another server') } })
  expect(await ask(sign().replace('origin="peer.test"', 'origin="a.test"'))).toMatchObject(refused)
  expect(world.network.asked).toEqual([])
})

it('refuses signatures over something else, or of somebody else', async () => {
  const { ask, sign, world } = await setUp()
  createPeer(world, 'other.test')
  expect(await ask(sign().replace('origin="peer.test"', 'origin="other.test"'))).toMatchObject(refused)
  expect(await ask(sign('a.test', profileOf('@bob:a.test')))).toMatchObject(refused)
  expect(await ask(sign().replace(/sig="../, 'sig="AA'))).toMatchObject(refused)
  expect(await ask(sign('b.test').replace('destination="b.test",', ''))).toMatchObject(refused)
  const unreachable = await ask(sign().replace('origin="peer.test"', 'origin="nowhere.test"'))
  expect(unreachable).toMatchObject(refused)
  // Why is for the log: strangers must not find out what can be reached from here.
  expect(unreachable.body.error).toBe('The key ed25519:1 of nowhere.test cannot be used: its keys could not be had')
})

test('a server tells its keys, signed, and what it is', async () => {
  const { server, world } = await setUp()
  const { body } = await server.federation('GET', '/_matrix/key/v2/server')
  expect(body).toMatchObject({ server_name: 'a.test', old_verify_keys: {}, valid_until_ts: world.clock.now() + 24 * 3_600_000 })
  const [[keyId]] = Object.entries(body.verify_keys) as [[string, unknown]]
  expect(body.signatures['a.test'][keyId]).toMatch(/^[A-Za-z0-9+/]{86}$/)
  const version = await server.federation('GET', '/_matrix/federation/v1/version')
  expect(version.body).toEqual({ server: { name: 'Hausbote', version: expect.stringMatching(/^\d+\.\d+\.\d+$/) } })
})

test('the door of servers is not for clients, but that of clients is for both', async () => {
  const { server } = await setUp()
  expect((await server.request('GET', '/_matrix/key/v2/server')).body.server_name).toBe('a.test')
  expect((await server.federation('GET', '/_matrix/client/versions')).body.errcode).toBe('M_UNRECOGNIZED')
})
