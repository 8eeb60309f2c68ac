import { describe, expect, it, test } from 'vitest'
import type { JsonObject } from '../../src/matrix/json.ts'
import type { Signer } from '../../src/matrix/signatures.ts'
import { createWorld, federating } from '../support/world.ts'
import { askAs, createPeer, day, keysOf, profileOf, signerOf } from './kit.ts'

const minute = 60_000

/** A server `a.test` with alice, and another, `peer.test`, that asks for her profile. */
async function setUp() {
  const world = await createWorld()
  const server = await world.server('a.test', federating)
  const alice = await server.register('alice')
  const peer = createPeer(world, 'peer.test')
  const ask = async (signer: Signer = peer.signer) => (await askAs(signer, server, 'GET', profileOf(alice.userId))).status
  const fetches = () => world.network.asked.filter((what) => what === 'peer.test/_matrix/key/v2/server').length
  return { world, server, alice, peer, ask, fetches }
}

describe('the keys of another server', () => {
  test('are fetched once, and again when they have become too old', async () => {
    const { world, ask, fetches } = await setUp()
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([200, 200, 200])
    expect(fetches()).toBe(1)
    await world.clock.advance(day - 1)
    expect(await ask()).toBe(200)
    expect(fetches()).toBe(1)
    await world.clock.advance(1)
    expect(await ask()).toBe(200)
    expect(fetches()).toBe(2)
  })

  test('are still known after a restart', async () => {
    const { server, world, ask, fetches } = await setUp()
    expect(await ask()).toBe(200)
    await server.restart()
    world.network.cut('peer.test')
    expect(await ask()).toBe(200)
    expect(fetches()).toBe(1)
  })

  test('are believed for seven days, whatever the other server says', async () => {
    const { world, peer, ask } = await setUp()
    peer.publish(peer.signer.signJson(keysOf(peer.signer, world.clock.now() + 1000 * day)))
    expect(await ask()).toBe(200)
    world.network.cut('peer.test')
    await world.clock.advance(7 * day - 1)
    expect(await ask()).toBe(200)
    await world.clock.advance(1)
    expect(await ask()).toBe(401)
  })

  test.each([true, false])('sign no more requests once it has others; it names the old ones: %s', async (named) => {
    const { world, peer, ask } = await setUp()
    expect(await ask()).toBe(200)
    const next = signerOf('peer.test', 'ed25519:2')
    // Still to come, so that it is the other list that counts.
    const old = { 'ed25519:1': { key: peer.signer.publicKey, expired_ts: world.clock.now() + day } }
    peer.publish(next.signJson({ ...keysOf(next, world.clock.now() + day), old_verify_keys: named ? old : {} }))
    await world.clock.advance(minute)
    expect(await ask(next)).toBe(200)
    expect(await ask()).toBe(401)
  })

  test('are not asked for again and again because of key ids that do not exist', async () => {
    const { world, ask, fetches } = await setUp()
    for (let version = 10; version < 20; version += 1) expect(await ask(signerOf('peer.test', `ed25519:${version}`))).toBe(401)
    expect(fetches()).toBe(1)
    await world.clock.advance(minute)
    expect(await ask(signerOf('peer.test', 'ed25519:21'))).toBe(401)
    expect(fetches()).toBe(2)
    expect(await ask()).toBe(200)
  })

  test('are forgotten one day when it has ever new ones', async () => {
    const { world, server, peer, ask } = await setUp()
    for (let version = 1; version <= 70; version += 1) {
      const next = signerOf('peer.test', `ed25519:${version}`)
      peer.publish(next.signJson(keysOf(next, world.clock.now() + day)))
      await world.clock.advance(minute)
      expect(await ask(next)).toBe(200)
    }
    const stored = server.app.storage.reader.raw.prepare('SELECT count(*) FROM server_keys').pluck().get()
    expect(stored).toBe(65)
  })
})

describe('what a lying server publishes is not believed', () => {
  const smallOrder = 'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
  const other = signerOf('peer.test', 'ed25519:2')
  const change = (more: JsonObject) => (signer: Signer, now: number) => signer.signJson({ ...keysOf(signer, now + day), ...more })
  const lies: Readonly<Record<string, (signer: Signer, now: number) => JsonObject | string>> = {
    'the name of another server': change({ server_name: 'b.test' }),
    'no signature': (signer, now) => ({ ...keysOf(signer, now + day), signatures: {} }),
    'a signature over something else': (signer, now) => ({
      ...signer.signJson(keysOf(signer, now + day)),
      valid_until_ts: now + 1,
    }),
    'a signature under another name': (signer, now) => {
      const { signatures, ...rest } = signer.signJson(keysOf(signer, now + day))
      return { ...rest, signatures: { 'b.test': (signatures as Record<string, JsonObject>)['peer.test'] } }
    },
    'a key that did not sign beside one that did': (signer, now) => {
      const keys = keysOf(signer, now + day)
      return signer.signJson({
        ...keys,
        verify_keys: { ...(keys.verify_keys as object), [other.keyId]: { key: other.publicKey } },
      })
    },
    'a key of small order': (signer, now) => {
      const keys = keysOf(signer, now + day)
      return signer.signJson({ ...keys, verify_keys: { ...(keys.verify_keys as object), 'ed25519:3': { key: smallOrder } } })
    },
    'what has expired': (signer, now) => signer.signJson(keysOf(signer, now)),
    'no key at all': change({ verify_keys: {} }),
    'keys of another kind only': change({ verify_keys: { 'rsa:1': { key: 'AAAA' } } }),
    'too many keys': (signer, now) => {
      const signers = Array.from({ length: 17 }, (_, index) => signerOf('peer.test', `ed25519:${index + 1}`))
      const keys = Object.fromEntries(signers.map(({ keyId, publicKey }) => [keyId, { key: publicKey }]))
      const content: JsonObject = { ...keysOf(signer, now + day), verify_keys: keys }
      return signers.reduce((signed, each) => each.signJson(signed), content)
    },
    'one name twice': (signer, now) =>
      JSON.stringify(signer.signJson(keysOf(signer, now + day))).replace('{', '{"server_name":"b.test",'),
    'no JSON': () => '<html>',
    'another shape': () => ({ server_name: 'peer.test', verify_keys: [], signatures: {}, valid_until_ts: 1 }),
    'more than anybody reads': (signer, now) => signer.signJson({ ...keysOf(signer, now + day), more: 'x'.repeat(70_000) }),
  }

  it.each(Object.entries(lies))('%s', async (_, lie) => {
    const { world, peer, ask, fetches } = await setUp()
    peer.publish(lie(peer.signer, world.clock.now()))
    expect(await ask()).toBe(401)
    expect(await ask()).toBe(401)
    expect(fetches()).toBe(1)
    // It may come to its senses.
    peer.publish(peer.signer.signJson(keysOf(peer.signer, world.clock.now() + day)))
    await world.clock.advance(minute)
    expect(await ask()).toBe(200)
  })

  test('and it is asked less and less often', async () => {
    const { world, peer, ask, fetches } = await setUp()
    peer.publish('nonsense')
    for (let step = 0; step < 240; step += 1) {
      expect(await ask()).toBe(401)
      await world.clock.advance(minute)
    }
    expect(fetches()).toBe(9)
  })
})

test('old keys that nobody should have used are left out, and the others believed', async () => {
  const { world, peer, ask } = await setUp()
  const old = { 'ed25519:0': { key: 'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', expired_ts: 1 } }
  peer.publish(peer.signer.signJson({ ...keysOf(peer.signer, world.clock.now() + day), old_verify_keys: old }))
  expect(await ask()).toBe(200)
})
