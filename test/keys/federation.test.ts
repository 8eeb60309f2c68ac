import { describe, expect, test } from 'vitest'
import { askAs, createPeer } from '../federation/kit.ts'
import { joinVia, pair } from '../rooms/federation-kit.ts'
import { createRoom, leave, ok, v3 } from '../rooms/kit.ts'
import { clientKey, crossSigningKey, deviceKeysOf, oneTimeKeys } from './key-material.ts'
import { changesSince, counted, devicesSeen, neighbours, query, tokenOf, uploadKeys, uploadSigningKeys } from './remote-kit.ts'

const devicesPath = (userId: string) => `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`
const queryPath = '/_matrix/federation/v1/user/keys/query'
const claimPath = '/_matrix/federation/v1/user/keys/claim'

describe('serving', () => {
  test('the devices and cross-signing keys of a user are given out, and of nobody else', async () => {
    const { world, a, alice } = await neighbours()
    await uploadKeys(alice)
    const { master, selfSigning } = await uploadSigningKeys(alice)
    const { signer } = createPeer(world, 'peer.test')
    const { status, body } = await askAs(signer, a, 'GET', devicesPath(alice.userId))
    expect(status).toBe(200)
    expect(body.devices).toEqual([{ device_id: alice.deviceId, keys: expect.objectContaining({ device_id: alice.deviceId }) }])
    expect(body.stream_id).toBeGreaterThan(0)
    expect(body.master_key.keys).toEqual({ [`ed25519:${master.publicKey}`]: master.publicKey })
    expect(Object.keys(body.self_signing_key.keys)).toEqual([`ed25519:${selfSigning.publicKey}`])
    const ask = async (userId: string) => {
      const answer = await askAs(signer, a, 'GET', devicesPath(userId))
      return [answer.status, answer.body.errcode]
    }
    expect(await ask('@bob:b.test')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await ask('@nobody:a.test')).toEqual([404, 'M_NOT_FOUND'])
    expect((await a.federation('GET', devicesPath(alice.userId))).status).toBe(401)
  })

  test('keys are queried and claimed for local users only, and each key is given once', async () => {
    const { world, a, alice } = await neighbours()
    await uploadKeys(alice, 2)
    await uploadSigningKeys(alice)
    const { signer } = createPeer(world, 'peer.test')
    const found = await askAs(signer, a, 'POST', queryPath, { device_keys: { [alice.userId]: [], '@nobody:a.test': [] } })
    expect(found.body.device_keys[alice.userId][alice.deviceId]).toMatchObject({ user_id: alice.userId })
    expect(Object.keys(found.body).sort()).toEqual(['device_keys', 'master_keys', 'self_signing_keys'])
    const foreign = await askAs(signer, a, 'POST', queryPath, { device_keys: { '@bob:b.test': [] } })
    expect(foreign).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    const many = Object.fromEntries(Array.from({ length: 2001 }, (_, index) => [`@u${index}:a.test`, []]))
    expect((await askAs(signer, a, 'POST', queryPath, { device_keys: many })).status).toBe(400)

    const claim = () =>
      askAs(signer, a, 'POST', claimPath, { one_time_keys: { [alice.userId]: { [alice.deviceId]: 'signed_curve25519' } } })
    const answers = await Promise.all([claim(), claim(), claim()])
    const given = answers.map(({ body }) => Object.keys(body.one_time_keys[alice.userId]?.[alice.deviceId] ?? {}))
    expect(given.flat().sort()).toEqual(['signed_curve25519:1', 'signed_curve25519:2'])
    const wrong = await askAs(signer, a, 'POST', claimPath, { one_time_keys: { '@bob:b.test': { D: 'signed_curve25519' } } })
    expect(wrong).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
  })
})

describe('claiming', () => {
  test('a key of a device on another server comes once, whoever asks', async () => {
    const both = await neighbours()
    const { alice, bob } = both
    await uploadKeys(bob, 1)
    const claim = (user: typeof alice) =>
      ok(user, 'POST', `${v3}/keys/claim`, { one_time_keys: { [bob.userId]: { [bob.deviceId]: 'signed_curve25519' } } })
    const answers = [await claim(alice), await claim(bob), await claim(alice)]
    expect(answers.map(({ one_time_keys }) => Object.keys(one_time_keys[bob.userId]?.[bob.deviceId] ?? {}))).toEqual([
      ['signed_curve25519:1'],
      [],
      [],
    ])
    expect(answers[0].failures).toEqual({})
  })

  test('a key whose answer was lost is not given again', async () => {
    const both = await neighbours()
    const { world, a, alice, bob } = both
    await uploadKeys(bob, 2)
    world.network.disturb((_from, _to, target) => (target.endsWith('/keys/claim') ? 'unanswered' : 'arrives'))
    const wish = { one_time_keys: { [bob.userId]: { [bob.deviceId]: 'signed_curve25519' } } }
    const lost = await ok(alice, 'POST', `${v3}/keys/claim`, wish)
    expect([lost.one_time_keys, Object.keys(lost.failures)]).toEqual([{}, ['b.test']])
    world.network.disturb(() => 'arrives')
    await world.clock.advance(10_000)
    await a.settled()
    const next = await ok(alice, 'POST', `${v3}/keys/claim`, wish)
    expect(Object.keys(next.one_time_keys[bob.userId][bob.deviceId])).toEqual(['signed_curve25519:2'])
  })

  test('only what was asked for is believed', async () => {
    const both = await neighbours()
    const { world, alice } = both
    const key = oneTimeKeys('@x:peer.test', 'D', 1, 1)['signed_curve25519:1']
    let answer: unknown
    world.network.host('peer.test', () => Response.json(answer))
    const claim = async (given: unknown) => {
      answer = { one_time_keys: given }
      const wish = { one_time_keys: { '@x:peer.test': { D: 'signed_curve25519' } } }
      return (await ok(alice, 'POST', `${v3}/keys/claim`, wish)).one_time_keys
    }
    const good = { '@x:peer.test': { D: { 'signed_curve25519:1': key } } }
    expect(await claim(good)).toEqual(good)
    expect(await claim({ ...good, '@alice:a.test': { D: { 'signed_curve25519:1': key } } })).toEqual(good)
    expect(await claim({ '@x:peer.test': { E: { 'signed_curve25519:1': key } } })).toEqual({})
    expect(await claim({ '@x:peer.test': { D: { 'curve25519:1': key } } })).toEqual({})
    expect(await claim({ '@x:peer.test': { D: { 'signed_curve25519:1': { key: 5 } } } })).toEqual({})
    expect(await claim({ '@x:peer.test': { D: { 'signed_curve25519:1': { ...key, more: 'x'.repeat(9000) } } } })).toEqual({})
    expect(await claim({ '@x:peer.test': { D: 'signed_curve25519:1' } })).toEqual({})
  })
})

describe('asking for keys of other servers', () => {
  test('the list of somebody who shares a room is asked for once, and kept right by what their server tells', async () => {
    const both = await neighbours()
    const { world, b, alice, bob } = both
    await uploadKeys(bob)
    await world.settled()
    expect(await devicesSeen(alice, bob.userId)).toEqual([bob.deviceId])
    expect(await devicesSeen(alice, bob.userId)).toEqual([bob.deviceId])
    expect(counted(both, 'b.test', '/user/devices/')).toBe(1)

    let { next } = await changesSince(alice, await tokenOf(alice))
    const tablet = await b.login('bob', { deviceId: 'TABLET' })
    await uploadKeys(tablet)
    await world.settled()
    const added = await changesSince(alice, next)
    expect(added.changed).toEqual([bob.userId])
    expect(await devicesSeen(alice, bob.userId)).toEqual([bob.deviceId, 'TABLET'].sort())

    await ok(tablet, 'PUT', `${v3}/devices/TABLET`, { display_name: 'Tablet in the kitchen' })
    await world.settled()
    const renamed = (await query(alice, bob.userId)).device_keys[bob.userId].TABLET
    expect(renamed.unsigned).toEqual({ device_display_name: 'Tablet in the kitchen' })

    next = await tokenOf(alice)
    await ok(tablet, 'POST', `${v3}/logout`, {})
    await world.settled()
    expect((await changesSince(alice, next)).changed).toEqual([bob.userId])
    expect(await devicesSeen(alice, bob.userId)).toEqual([bob.deviceId])
    expect(counted(both, 'b.test', '/user/devices/')).toBe(1)
    expect(counted(both, 'b.test', '/user/keys/query')).toBe(0)
  })

  test('who comes into a room with others of other servers is to ask for their keys and their own, the others for theirs', async () => {
    const both = await pair()
    const { world, alice, bob } = both
    const roomId = await createRoom(alice)
    const [aliceSince, bobSince] = [await tokenOf(alice), await tokenOf(bob)]
    await joinVia(bob, roomId, 'a.test')
    await world.settled()
    expect((await changesSince(alice, aliceSince)).changed).toEqual([bob.userId])
    expect((await changesSince(bob, bobSince)).changed.sort()).toEqual([alice.userId, bob.userId])
  })

  test('cross-signing keys come with the list, change by themselves, and can be signed', async () => {
    const both = await neighbours()
    const { world, b, alice, bob } = both
    const key = await uploadKeys(bob)
    expect((await query(alice, bob.userId)).master_keys).toEqual({})
    const { master, selfSigning } = await uploadSigningKeys(bob)
    await world.settled()
    const seen = await query(alice, bob.userId)
    expect(Object.keys(seen.master_keys[bob.userId].keys)).toEqual([`ed25519:${master.publicKey}`])
    expect(Object.keys(seen.self_signing_keys[bob.userId].keys)).toEqual([`ed25519:${selfSigning.publicKey}`])

    const device = selfSigning.sign(deviceKeysOf(bob.userId, bob.deviceId, key), bob.userId)
    await ok(bob, 'POST', `${v3}/keys/signatures/upload`, { [bob.userId]: { [bob.deviceId]: device } })
    await world.settled()
    const signed = (await query(alice, bob.userId)).device_keys[bob.userId][bob.deviceId].signatures[bob.userId]
    expect(Object.keys(signed)).toContain(`ed25519:${selfSigning.publicKey}`)
    expect(counted(both, 'b.test', '/user/devices/')).toBe(1)

    // Alice verifies Bob.
    const [own, userSigning] = [clientKey(), clientKey()]
    await ok(alice, 'POST', `${v3}/keys/device_signing/upload`, {
      master_key: crossSigningKey(alice.userId, 'master', own),
      user_signing_key: own.sign(crossSigningKey(alice.userId, 'user_signing', userSigning), alice.userId),
    })
    const vouched = userSigning.sign(seen.master_keys[bob.userId], alice.userId)
    const { failures } = await ok(alice, 'POST', `${v3}/keys/signatures/upload`, {
      [bob.userId]: { [master.publicKey]: vouched },
    })
    expect(failures).toEqual({})
    expect(Object.keys((await query(alice, bob.userId)).master_keys[bob.userId].signatures)).toContain(alice.userId)
    const { body } = await askAs(createPeer(world, 'peer.test').signer, b, 'GET', devicesPath(bob.userId))
    expect(JSON.stringify(body.master_key)).not.toContain(alice.userId)
  })

  test('a list is asked for again after the last common room, and forgotten at night', async () => {
    const both = await neighbours()
    const { world, a, alice, bob, roomId } = both
    await uploadKeys(bob)
    expect(await devicesSeen(alice, bob.userId)).toEqual([bob.deviceId])
    const kept = () => a.app.storage.reader.raw.prepare('SELECT user_id FROM remote_device_lists').pluck().all()
    expect(kept()).toEqual([bob.userId])
    const since = await tokenOf(alice)
    await leave(alice, roomId)
    await world.settled()
    const gone = await changesSince(alice, since)
    expect([gone.changed, gone.left]).toEqual([[], [bob.userId]])
    await uploadKeys(bob)
    await world.settled()
    expect((await changesSince(alice, gone.next)).changed).toEqual([])
    await query(alice, bob.userId)
    expect(counted(both, 'b.test', '/user/keys/query')).toBe(1)
    const other = await createRoom(bob)
    await joinVia(alice, other, 'b.test')
    await world.settled()
    expect(await devicesSeen(alice, bob.userId)).toEqual([bob.deviceId])
    expect(counted(both, 'b.test', '/user/devices/')).toBe(2)
    await leave(bob, other)
    await world.settled()
    await a.app.operations.jobs.run('devices of strangers')
    expect(kept()).toEqual([])
  })

  test('servers that do not answer are named, others answer nevertheless, and nobody waits for ever', async () => {
    const both = await neighbours()
    const { world, alice, bob } = both
    await uploadKeys(bob)
    world.network.host('slow.test', () => new Promise<Response>(() => undefined))
    world.network.host('wrong.test', () => Response.json({ device_keys: 5 }))
    const asking = alice.request('POST', `${v3}/keys/query`, {
      timeout: 3000,
      device_keys: { [bob.userId]: [], '@x:slow.test': [], '@x:wrong.test': [], '@x:none.test': [] },
    })
    // Everybody but the slow one has answered.
    while (world.network.underWay > 1 || counted(both, 'slow.test', '') === 0)
      await new Promise((resolve) => setImmediate(resolve))
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    for (let step = 0; step < 4; step += 1) await world.clock.advance(1000)
    const { body } = await asking
    expect(Object.keys(body.failures).sort()).toEqual(['none.test', 'slow.test', 'wrong.test'])
    expect(Object.keys(body.device_keys)).toEqual([bob.userId])
  })

  test('somebody unknown on a server that answers is no failure', async () => {
    const both = await neighbours()
    const { alice } = both
    expect(await query(alice, '@nobody:b.test')).toMatchObject({ device_keys: {}, failures: {} })
  })

  test('many users of one server are asked about together', async () => {
    const both = await neighbours()
    const { alice } = both
    await query(alice, ...Array.from({ length: 250 }, (_, index) => `@u${index}:b.test`))
    expect(counted(both, 'b.test', '/user/keys/query')).toBe(3)
  })

  test('a server speaks only for its own users, and what is malformed is left out', async () => {
    const both = await neighbours()
    const { world, alice } = both
    const device = (userId: string, deviceId: string) => deviceKeysOf(userId, deviceId, clientKey())
    const x = '@x:peer.test'
    world.network.host('peer.test', () =>
      Response.json({
        device_keys: {
          [alice.userId]: { EVIL: device(alice.userId, 'EVIL') },
          [x]: {
            GOOD: device(x, 'GOOD'),
            OTHER: device(x, 'NOT_OTHER'),
            THEIRS: device('@y:peer.test', 'THEIRS'),
            BIG: { ...device(x, 'BIG'), more: 'x'.repeat(40_000) },
            FRACTION: { ...device(x, 'FRACTION'), more: 0.5 },
            BARE: { user_id: x, device_id: 'BARE' },
            TEXT: 'text',
          },
        },
        master_keys: { [x]: crossSigningKey('@y:peer.test', 'master', clientKey()), [alice.userId]: {} },
        self_signing_keys: { [x]: 5 },
      }),
    )
    const answer = await query(alice, x)
    expect(Object.keys(answer.device_keys)).toEqual([x])
    expect(Object.keys(answer.device_keys[x])).toEqual(['GOOD'])
    expect([answer.master_keys, answer.self_signing_keys, answer.failures]).toEqual([{}, {}, {}])
  })
})
