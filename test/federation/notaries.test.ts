import { describe, expect, it, test } from 'vitest'
import type { JsonObject } from '../../src/matrix/json.ts'
import { createSigner, type Signer } from '../../src/matrix/signatures.ts'
import { seededRandom } from '../support/random.ts'
import { createWorld, federating } from '../support/world.ts'
import { createNotaryPeer, eventOf, keyRingIn, lastWords, name, setUpRing } from './key-kit.ts'
import { createPeer, day, keysOf, signerOf } from './kit.ts'

const minute = 60_000

/** `gone.test` answers no more; a notary may know what it published until an hour ago. */
async function setUp(trusted: readonly string[]) {
  const parts = await setUpRing(trusted)
  const notary = createNotaryPeer(parts.world, 'n.test')
  const expired = parts.world.clock.now() - 60 * minute
  const gone = lastWords('gone.test', expired)
  return { ...parts, notary, gone, expired, event: eventOf(gone.signer, expired - minute) }
}

describe('a trusted notary', () => {
  test('is believed about a server that does not answer, for the time of its keys, and once for all', async () => {
    const { world, verdict, notary, gone, event, expired, queriesTo } = await setUp(['n.test'])
    notary.knows(gone.published)
    expect(await verdict(event)).toBe('use')
    expect(notary.questions).toEqual([
      { server_keys: { 'gone.test': { 'ed25519:1': { minimum_valid_until_ts: expired - minute } } } },
    ])
    world.network.cut('n.test')
    expect(await verdict(event)).toBe('use')
    expect(await verdict(eventOf(gone.signer, expired + 1))).toBe('drop')
    expect(queriesTo('n.test')).toBe(1)
  })

  test('is not asked about a server that answers with the key', async () => {
    const { world, verdict, queriesTo } = await setUp(['n.test'])
    const { signer } = createPeer(world, 'peer.test')
    expect(await verdict(eventOf(signer, world.clock.now()))).toBe('use')
    expect(queriesTo('n.test')).toBe(0)
  })

  test('knows the old key of a server that started anew, but does not change its present ones', async () => {
    const { world, verdicts, ring, notary } = await setUp(['n.test'])
    const now = world.clock.now()
    const peer = createPeer(world, 'peer.test')
    const before = lastWords('peer.test', now - day, 'ed25519:before')
    // As if it were news: also another key under the name of the present one.
    const false1 = signerOf('peer.test', 'ed25519:2')
    const lie = { ...keysOf(false1, now + 6 * day), verify_keys: { 'ed25519:2': { key: false1.publicKey } } }
    notary.knows(before.published, false1.signJson(lie))
    const events = [eventOf(before.signer, now - 2 * day), eventOf(before.signer, now), eventOf(peer.signer, now)]
    expect(await verdicts([...events, eventOf(false1, now + minute)])).toEqual(['use', 'drop', 'use', 'drop'])
    expect(await ring.requestKey(name('peer.test'), 'ed25519:1')).toHaveProperty('keyObject')
    expect(await ring.requestKey(name('peer.test'), 'ed25519:before')).toHaveProperty('problem')
    expect(await ring.requestKey(name('peer.test'), 'ed25519:2')).toHaveProperty('problem')
  })

  test('is asked about many servers in a few questions, and not again soon', async () => {
    const { world, verdicts, notary, queriesTo, expired } = await setUp(['n.test'])
    const dead = Array.from({ length: 120 }, (_, index) => lastWords(`d${index}.test`, expired))
    notary.knows(...dead.slice(0, 100).map(({ published }) => published))
    const events = dead.map(({ signer }) => eventOf(signer, expired))
    const expected = dead.map((_, index) => (index < 100 ? 'use' : 'drop'))
    expect(await verdicts(events)).toEqual(expected)
    expect(queriesTo('n.test')).toBe(3)
    expect(await verdicts(events)).toEqual(expected)
    expect(queriesTo('n.test')).toBe(3)
    await world.clock.advance(10 * minute)
    expect(await verdicts(events)).toEqual(expected)
    expect(queriesTo('n.test')).toBe(4)
  })
})

describe('the server that gave us an event', () => {
  test('is believed about one that was never heard and is silent, within this answer only', async () => {
    const { world, server, verdict, ring, notary, gone, event, queriesTo } = await setUp([])
    notary.knows(gone.published)
    expect(await verdict(event)).toBe('drop')
    expect(queriesTo('n.test')).toBe(0)
    expect(await verdict(event, ['n.test'])).toBe('use')
    expect(await verdict(event)).toBe('drop')
    expect(await ring.requestKey(name('gone.test'), 'ed25519:1')).toHaveProperty('problem')
    const count = server.app.storage.reader.raw.prepare("SELECT count(*) FROM server_keys WHERE server_name = 'gone.test'")
    expect(count.pluck().get()).toBe(0)
    // It need not be asked the same again.
    expect(await verdict(event, ['n.test'])).toBe('use')
    expect(queriesTo('n.test')).toBe(1)
    world.network.cut('n.test')
    expect(await verdict(event, ['n.test'])).toBe('use')
  })

  test('cannot speak for a server that answers', async () => {
    const { world, verdict, notary } = await setUp([])
    createPeer(world, 'peer.test')
    const forger = lastWords('peer.test', world.clock.now() + day, 'ed25519:forged')
    notary.knows(forger.published)
    expect(await verdict(eventOf(forger.signer, world.clock.now()), ['n.test'])).toBe('drop')
    expect(notary.questions).toEqual([])
  })

  test('cannot speak for a server that was heard before', async () => {
    const { world, verdict, notary } = await setUp([])
    const peer = createPeer(world, 'peer.test')
    expect(await verdict(eventOf(peer.signer, world.clock.now()))).toBe('use')
    world.network.cut('peer.test')
    await world.clock.advance(10 * day)
    const forger = lastWords('peer.test', world.clock.now() + day, 'ed25519:forged')
    notary.knows(forger.published)
    expect(await verdict(eventOf(forger.signer, world.clock.now()), ['n.test'])).toBe('drop')
    expect(notary.questions).toEqual([])
  })

  test('is believed the less the later it is named', async () => {
    const { world, verdict, notary, gone, event, expired } = await setUp([])
    const liar = createNotaryPeer(world, 'm.test')
    const forger = createSigner({ serverName: name('gone.test'), keyId: 'ed25519:1', seed: seededRandom('forger').bytes(32) })
    liar.knows(forger.signJson(keysOf(forger, expired)))
    notary.knows(gone.published)
    expect(await verdict(event, ['n.test', 'm.test'])).toBe('use')
    expect(await verdict(event, ['m.test', 'n.test'])).toBe('drop')
  })
})

describe('what a lying notary says is not believed', () => {
  type Lie = (parts: { gone: Signer; notary: Signer; expired: number }) => JsonObject
  const change =
    (more: JsonObject): Lie =>
    ({ gone, notary, expired }) =>
      notary.signJson(gone.signJson({ ...keysOf(gone, expired), ...more }))
  const lies: Readonly<Record<string, Lie>> = {
    'without its own signature': ({ gone, expired }) => gone.signJson(keysOf(gone, expired)),
    'signed with a key that it does not have': ({ gone, expired }) =>
      signerOf('n.test', 'ed25519:9').signJson(gone.signJson(keysOf(gone, expired))),
    'changed after it signed': (parts) => ({ ...change({})(parts), valid_until_ts: parts.expired + 1 }),
    "without the server's own signature": ({ gone, notary, expired }) => notary.signJson(keysOf(gone, expired)),
    'changed after the server signed': ({ gone, notary, expired }) =>
      notary.signJson({ ...gone.signJson(keysOf(gone, expired)), valid_until_ts: expired + 1 }),
    'a key beside it that the server did not sign with': ({ gone, notary, expired }) => {
      const keys = { 'ed25519:1': { key: gone.publicKey }, 'ed25519:2': { key: signerOf('gone.test', 'ed25519:2').publicKey } }
      return notary.signJson(gone.signJson({ ...keysOf(gone, expired), verify_keys: keys }))
    },
    'about another server than was asked for': change({ server_name: 'other.test' }),
    'of another shape': change({ verify_keys: [] }),
    'no keys': change({ verify_keys: {} }),
    'signatures of another shape': ({ gone, expired }) => ({ ...keysOf(gone, expired), signatures: { 'n.test': 'x' } }),
  }

  it.each(Object.entries(lies))('%s', async (_, lie) => {
    for (const trusted of [true, false]) {
      const { verdict, notary, gone, event, expired } = await setUp(trusted ? ['n.test'] : [])
      notary.says(lie({ gone: gone.signer, notary: notary.signer, expired }))
      expect(await verdict(event, ['n.test'])).toBe('drop')
      expect(notary.questions.length).toBe(1)
    }
  })

  it('but the rest of its answer is', async () => {
    const { verdict, notary, gone, event } = await setUp(['n.test'])
    notary.says({ server_name: 'gone.test' }, {}, notary.signer.signJson(gone.published))
    expect(await verdict(event)).toBe('use')
  })

  it.each([
    ['no JSON', () => new Response('<html>')],
    ['a refusal', () => new Response('{}', { status: 500 })],
    ['another shape', () => Response.json({ server_keys: {} })],
    ['items of another shape', () => Response.json({ server_keys: [1] })],
    ['too many', () => Response.json({ server_keys: Array.from({ length: 1001 }, () => ({})) })],
    ['more than anybody reads', () => Response.json({ server_keys: [{ more: 'x'.repeat(1_100_000) }] })],
  ] as const)('%s', async (_, answer) => {
    const { world, verdict, event, queriesTo } = await setUp(['n.test'])
    world.network.host('n.test', answer)
    expect(await verdict(event)).toBe('drop')
    expect(queriesTo('n.test')).toBe(1)
  })
})

test('one Hausbote is the notary of another', async () => {
  const world = await createWorld()
  const notary = await world.server('n.test', federating)
  const { signer } = createPeer(world, 'peer.test')
  const { verdict } = await keyRingIn(world, ['n.test'])
  const made = world.clock.now()
  expect((await notary.federation('GET', '/_matrix/key/v2/query/peer.test')).body.server_keys).toHaveLength(1)
  world.network.cut('peer.test')
  await world.clock.advance(40 * day)
  expect(await verdict(eventOf(signer, made))).toBe('use')
})
