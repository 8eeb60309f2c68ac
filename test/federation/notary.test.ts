import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/matrix/json.ts'
import { importVerifyKey, verifySignedJson } from '../../src/matrix/signatures.ts'
import { createWorld, federating } from '../support/world.ts'
import { createPeer, day, keysOf, signerOf } from './kit.ts'

const minute = 60_000
const path = '/_matrix/key/v2/query'

async function setUp() {
  const world = await createWorld()
  const server = await world.server('n.test', federating)
  const peer = createPeer(world, 'peer.test')
  const query = async (name: string, minimum?: number) =>
    (await server.federation('GET', `${path}/${name}${minimum === undefined ? '' : `?minimum_valid_until_ts=${minimum}`}`)).body
      .server_keys as JsonObject[]
  const queries = async (asked: JsonObject) =>
    (await server.federation('POST', path, { server_keys: asked })).body.server_keys as JsonObject[]
  const fetches = (name = 'peer.test') => world.network.asked.filter((what) => what === `${name}/_matrix/key/v2/server`).length
  const ownKeys = async () => (await server.federation('GET', '/_matrix/key/v2/server')).body
  return { world, server, peer, query, queries, fetches, ownKeys }
}

function isSigned(content: JsonObject | undefined, server: string, keyId: string, publicKey: string): boolean {
  const key = importVerifyKey(publicKey)
  const signatures = content?.signatures as Record<string, Record<string, string>> | undefined
  const signature = signatures?.[server]?.[keyId]
  if (!content || 'problem' in key || signature === undefined) return false
  return verifySignedJson(content, signature, key)
}

describe('the keys of another server', () => {
  test('are passed on word for word, with its signature and ours, also when it is gone', async () => {
    const { world, peer, query, fetches, ownKeys } = await setUp()
    const published = peer.signer.signJson({ ...keysOf(peer.signer, world.clock.now() + 2 * day), 'org.example': ['é', 1] })
    peer.publish({ ...published, unsigned: { age: 1 } })
    const own = await ownKeys()
    const [ownId = ''] = Object.keys(own.verify_keys)
    for (const when of ['at first', 'stored', 'gone']) {
      if (when === 'gone') {
        world.network.cut('peer.test')
        await world.clock.advance(9 * day)
      }
      const [answer, ...more] = await query('peer.test')
      expect(more).toEqual([])
      const { signatures, ...content } = answer ?? {}
      const { signatures: _, ...expected } = published
      expect(content).toEqual(expected)
      expect(Object.keys(signatures as object).sort()).toEqual(['n.test', 'peer.test'])
      expect(isSigned(answer, 'peer.test', 'ed25519:1', peer.signer.publicKey)).toBe(true)
      expect(isSigned(answer, 'n.test', ownId, own.verify_keys[ownId].key)).toBe(true)
    }
    expect(fetches()).toBe(2)
  })

  test('are fetched again when they are not valid for as long as is wished, once a minute', async () => {
    const { world, query, queries, fetches } = await setUp()
    const now = world.clock.now()
    expect((await query('peer.test', now + day))[0]?.valid_until_ts).toBe(now + day)
    expect(fetches()).toBe(1)
    await world.clock.advance(minute)
    expect((await query('peer.test', now + day + minute))[0]?.valid_until_ts).toBe(now + day + minute)
    expect(fetches()).toBe(2)
    const wish = { 'ed25519:1': { minimum_valid_until_ts: now + 300 * day }, 'ed25519:2': {} }
    expect((await queries({ 'peer.test': wish }))[0]?.valid_until_ts).toBe(now + day + minute)
    expect(fetches()).toBe(2)
    await world.clock.advance(minute)
    expect((await queries({ 'peer.test': wish }))[0]?.valid_until_ts).toBe(now + day + 2 * minute)
    expect(fetches()).toBe(3)
  })

  test('are fetched again for a key that is new, and not for one that is old', async () => {
    const { world, peer, queries, fetches } = await setUp()
    await queries({ 'peer.test': {} })
    const next = signerOf('peer.test', 'ed25519:2')
    const old = { 'ed25519:1': { key: peer.signer.publicKey, expired_ts: world.clock.now() } }
    peer.publish(next.signJson({ ...keysOf(next, world.clock.now() + day), old_verify_keys: old }))
    await world.clock.advance(minute)
    expect((await queries({ 'peer.test': { 'ed25519:1': {} } }))[0]?.old_verify_keys).toEqual({})
    expect(fetches()).toBe(1)
    expect((await queries({ 'peer.test': { 'ed25519:2': {} } }))[0]?.old_verify_keys).toEqual(old)
    await world.clock.advance(minute)
    await queries({ 'peer.test': { 'ed25519:1': {} } })
    expect(fetches()).toBe(2)
  })

  test('are left out where there are none, or none to be believed', async () => {
    const { world, queries, query, server } = await setUp()
    const liar = createPeer(world, 'liar.test')
    liar.publish('nonsense')
    const asked = { 'peer.test': {}, 'liar.test': {}, 'gone.test': {}, 'not a name': {}, 'internal.test:1': {} }
    expect((await queries(asked)).map((one) => one.server_name)).toEqual(['peer.test'])
    expect(await query('gone.test')).toEqual([])
    expect(await queries({})).toEqual([])
    expect(await server.federation('GET', `${path}/not%20a%20name`)).toMatchObject({
      status: 400,
      body: { errcode: 'M_INVALID_PARAM' },
    })
  })

  test('are not kept where they are too long to be passed on', async () => {
    const { world, peer, query } = await setUp()
    peer.publish(peer.signer.signJson({ ...keysOf(peer.signer, world.clock.now() + day), more: 'x'.repeat(17_000) }))
    expect(await query('peer.test')).toEqual([])
  })
})

describe('our own keys', () => {
  test('are answered as they are published', async () => {
    const { world, query, queries, ownKeys } = await setUp()
    const own = await ownKeys()
    expect(await query('n.test')).toEqual([own])
    expect(await queries({ 'n.test': { 'ed25519:x': { minimum_valid_until_ts: world.clock.now() + 30 * day } } })).toEqual([own])
    expect(world.network.asked).toEqual([])
  })
})

describe('questions of strangers', () => {
  test.each([
    ['no object', { server_keys: [] }],
    ['no servers', {}],
    ['a time that is none', { server_keys: { 'a.test': { 'ed25519:1': { minimum_valid_until_ts: 'soon' } } } }],
    ['too many servers', { server_keys: Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`s${index}.test`, {}])) }],
  ])('are refused: %s', async (_, body) => {
    const { server } = await setUp()
    const { status, body: answer } = await server.federation('POST', path, body)
    expect([status, answer.errcode]).toEqual([400, 'M_BAD_JSON'])
    expect(answer.error).toContain('server_keys')
  })

  test('occupy a few ways out only, and end', async () => {
    const { world, server, query } = await setUp()
    for (let index = 0; index < 200; index += 1)
      world.network.host(`slow${index}.test`, () => new Promise<Response>(() => undefined))
    const asked = (from: number) =>
      Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`slow${from + index}.test`, {}]))
    const slow = [0, 100].map((from) => server.federation('POST', path, { server_keys: asked(from) }))
    // Served from what is stored, or not at all, while others are waited for.
    await expect.poll(() => world.network.asked.filter((what) => what.endsWith('/_matrix/key/v2/server')).length).toBe(32)
    expect(await query('peer.test')).toEqual([])
    await world.clock.advance(10_000)
    for (const answer of await Promise.all(slow)) expect(answer.body).toEqual({ server_keys: [] })
    expect(world.network.asked.filter((what) => what.endsWith('/_matrix/key/v2/server')).length).toBe(32)
  })

  test('are limited in number by address', async () => {
    const world = await createWorld()
    const server = await world.server('n.test', { ...federating, HAUSBOTE_RATE_LIMITS: 'on' })
    const statuses: number[] = []
    for (let count = 0; count < 21; count += 1)
      statuses.push((await server.federation('POST', path, { server_keys: { 'n.test': {} } })).status)
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 200), 429])
  })
})
