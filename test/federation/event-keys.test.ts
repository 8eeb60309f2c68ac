import { describe, expect, test } from 'vitest'
import { eventOf, name, setUpRing, v4, v10 } from './key-kit.ts'
import { createPeer, day, keysOf, signerOf } from './kit.ts'

const minute = 60_000

describe('the keys of many events', () => {
  test('are fetched once from each server, and only what they prove is used', async () => {
    const { world, verdicts, fetchesOf } = await setUpRing()
    const now = world.clock.now()
    const servers = Array.from({ length: 120 }, (_, index) => `s${index}.test`)
    const peers = servers.map((server) => createPeer(world, server))
    const events = peers.flatMap(({ signer }) => [1, 2, 3].map((minutes) => eventOf(signer, now - minutes * minute)))
    expect(new Set(await verdicts(events))).toEqual(new Set(['use']))
    expect(servers.map(fetchesOf)).toEqual(servers.map(() => 1))

    const [one] = peers
    if (!one) throw new Error('no peer')
    const good = eventOf(one.signer, now)
    const forged = eventOf(signerOf('s0.test', 'ed25519:other'), now)
    const byAnother = { ...good, signatures: { 's0.test': { 'ed25519:1': 'A'.repeat(86) } } }
    const changed = { ...good, content: { body: 'bye' } }
    const moved = { ...good, room_id: '!other:a.test' }
    const withoutHash = { ...good, hashes: {} }
    expect(await verdicts([good, forged, byAnother, changed, moved, withoutHash])).toEqual([
      'use',
      'drop',
      'drop',
      'redact',
      'drop',
      'drop',
    ])
    // An answer is found for each event, in the order of the events.
    const mixed = Array.from({ length: 200 }, (_, index) => (index % 3 === 0 ? forged : index % 3 === 1 ? changed : good))
    expect(await verdicts(mixed)).toEqual(mixed.map((one) => (one === forged ? 'drop' : one === changed ? 'redact' : 'use')))
  })

  test('leave the server time for others while they are at work', async () => {
    const { world, verdicts } = await setUpRing()
    const { signer } = createPeer(world, 'peer.test')
    const events = Array.from({ length: 600 }, (_, index) => eventOf(signer, world.clock.now() - index))
    const unknown = Array.from({ length: 6400 }, () => eventOf(signerOf('peer.test', 'ed25519:2'), world.clock.now()))
    await verdicts(events.slice(0, 1))
    for (const [batch, least] of [
      [events, 30],
      [unknown, 40],
    ] as const) {
      let turns = 0
      let done = false
      const count = () => {
        turns += 1
        if (!done) setImmediate(count)
      }
      setImmediate(count)
      await verdicts(batch)
      done = true
      expect(turns).toBeGreaterThan(least)
    }
  })

  test('are asked of each of the servers that an event needs', async () => {
    const { world, verdict } = await setUpRing()
    const [member, host] = [createPeer(world, 'b.test'), createPeer(world, 'c.test')]
    const join = {
      type: 'm.room.member',
      state_key: '@user:b.test',
      content: { membership: 'join', join_authorised_via_users_server: '@host:c.test' },
    }
    const half = eventOf(member.signer, world.clock.now(), join)
    expect(await verdict(half)).toBe('drop')
    expect(await verdict(host.signer.signEvent(half, v10))).toBe('use')
  })

  test('of a server with ever other key ids make it be asked once a minute', async () => {
    const { world, verdicts, fetchesOf } = await setUpRing()
    createPeer(world, 'peer.test')
    const made = (from: number) =>
      Array.from({ length: 50 }, (_, index) => eventOf(signerOf('peer.test', `ed25519:x${from + index}`), world.clock.now()))
    expect(new Set(await verdicts(made(0)))).toEqual(new Set(['drop']))
    expect(new Set(await verdicts(made(50)))).toEqual(new Set(['drop']))
    expect(fetchesOf('peer.test')).toBe(1)
    await world.clock.advance(minute)
    await verdicts(made(100))
    expect(fetchesOf('peer.test')).toBe(2)
  })

  test('are not waited for without end', async () => {
    const { world, ring, verdicts } = await setUpRing()
    const { signer } = createPeer(world, 'peer.test')
    world.network.host('slow.test', () => new Promise<Response>(() => undefined))
    let verdictsOf: readonly string[] | undefined
    const asking = verdicts([eventOf(signer, world.clock.now()), eventOf(signerOf('slow.test'), world.clock.now())])
    void asking.then((found) => {
      verdictsOf = found
    })
    // The other server's keys are stored meanwhile.
    await ring.requestKey(name('peer.test'), 'ed25519:1')
    await world.clock.advance(11_000)
    expect(verdictsOf).toBeUndefined()
    await world.clock.advance(1000)
    expect(await asking).toEqual(['use', 'drop'])
  })
})

describe('a known key', () => {
  test('serves events of its time without a question, also once it has expired', async () => {
    const { world, verdict, fetchesOf } = await setUpRing()
    const { signer } = createPeer(world, 'peer.test')
    const start = world.clock.now()
    expect(await verdict(eventOf(signer, start))).toBe('use')
    await world.clock.advance(30 * day)
    world.network.cut('peer.test')
    expect(await verdict(eventOf(signer, start - 300 * day))).toBe('use')
    expect(await verdict(eventOf(signer, start + day))).toBe('use')
    expect(fetchesOf('peer.test')).toBe(1)
    expect(await verdict(eventOf(signer, start + day + 1))).toBe('drop')
    expect(fetchesOf('peer.test')).toBe(2)
    expect(await verdict(eventOf(signer, start + day + 1, {}, v4), [], v4)).toBe('use')
  })

  test('is asked for again for an event of later', async () => {
    const { world, verdict, fetchesOf } = await setUpRing()
    const { signer } = createPeer(world, 'peer.test')
    const start = world.clock.now()
    expect(await verdict(eventOf(signer, start))).toBe('use')
    await world.clock.advance(30 * day)
    expect(await verdict(eventOf(signer, world.clock.now()))).toBe('use')
    expect(fetchesOf('peer.test')).toBe(2)
  })

  test('that has been given up serves events of before only', async () => {
    const { world, verdicts, fetchesOf } = await setUpRing()
    const peer = createPeer(world, 'peer.test')
    const start = world.clock.now()
    const next = signerOf('peer.test', 'ed25519:2')
    const old = { 'ed25519:1': { key: peer.signer.publicKey, expired_ts: start - day } }
    peer.publish(next.signJson({ ...keysOf(next, start + day), old_verify_keys: old }))
    const events = [eventOf(peer.signer, start - day), eventOf(peer.signer, start - day + 1), eventOf(next, start)]
    expect(await verdicts(events)).toEqual(['use', 'drop', 'use'])
    await world.clock.advance(minute)
    expect(await verdicts(events)).toEqual(['use', 'drop', 'use'])
    expect(fetchesOf('peer.test')).toBe(1)
  })

  test('that is named no more serves events of before it was missed', async () => {
    const { world, verdicts } = await setUpRing()
    const peer = createPeer(world, 'peer.test')
    const start = world.clock.now()
    expect(await verdicts([eventOf(peer.signer, start)])).toEqual(['use'])
    await world.clock.advance(minute)
    const next = signerOf('peer.test', 'ed25519:2')
    peer.publish(next.signJson(keysOf(next, start + 2 * day)))
    const events = [eventOf(next, start), eventOf(peer.signer, start), eventOf(peer.signer, start + 2 * minute)]
    expect(await verdicts(events)).toEqual(['use', 'use', 'drop'])
  })

  test('is not missed because of an event of the far future, and does not serve it', async () => {
    const { world, verdicts, fetchesOf } = await setUpRing()
    const { signer } = createPeer(world, 'peer.test')
    const far = eventOf(signer, world.clock.now() + 8 * day)
    expect(await verdicts([far])).toEqual(['drop'])
    expect(fetchesOf('peer.test')).toBe(0)
    expect(await verdicts([far, eventOf(signer, world.clock.now())])).toEqual(['drop', 'use'])
  })
})

describe('the keys of this server', () => {
  test('are at hand, also those of before, and nobody is asked for them', async () => {
    const { world, own, verdicts } = await setUpRing()
    const start = world.clock.now()
    const [before, later] = [eventOf(own.signer, start - 1), eventOf(own.signer, start + 1)]
    own.rotate(start)
    const asked = world.network.asked.length
    const made = eventOf(signerOf('a.test', 'ed25519:made_up'), start)
    expect(await verdicts([before, later, eventOf(own.signer, start + 1), made], ['b.test'])).toEqual([
      'use',
      'drop',
      'use',
      'drop',
    ])
    expect(world.network.asked.length).toBe(asked)
  })

  test('are not those that another names for it', async () => {
    const { world, ring } = await setUpRing()
    const lookup = await ring.eventKeys([{ server: name('a.test'), keyIds: ['ed25519:1'] }])
    expect(lookup(name('a.test'), 'ed25519:1')).toBeUndefined()
    expect(world.network.asked).toEqual([])
  })
})
