import { describe, expect, test } from 'vitest'
import type { Edu } from '../../src/federation/outbox.ts'
import { createKeyChanges } from '../../src/keys/key-changes.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { findRoom } from '../../src/rooms/members.ts'
import { sendEdus, signerOfServer } from '../federation/edus.ts'
import { ok, v3 } from '../rooms/kit.ts'
import { clientKey, crossSigningKey, deviceKeysOf } from './key-material.ts'
import { changesSince, counted, devicesSeen, type Neighbours, neighbours, query, tokenOf, uploadKeys } from './remote-kit.ts'

const far = 10 ** 12

/** What a.test knows of Bob's list; and what sends it changes in the name of b.test. */
async function watched() {
  const both = await neighbours()
  const { a, b, alice, bob } = both
  await uploadKeys(bob)
  await both.world.settled()
  expect(await devicesSeen(alice, bob.userId)).toEqual([bob.deviceId])
  const signer = signerOfServer(b)
  const asked = () => counted(both, 'b.test', '/user/devices/')
  expect(asked()).toBe(1)
  const kept = () =>
    a.app.storage.reader.raw.prepare('SELECT stream_id, current FROM remote_device_lists').get() as {
      stream_id: number
      current: number
    }
  return {
    ...both,
    asked,
    kept,
    async update(...contents: readonly JsonObject[]) {
      const edus = contents.map((content) => ({
        edu_type: 'm.device_list_update',
        content: { user_id: bob.userId, device_id: 'NEW', ...content },
      }))
      await sendEdus(signer, a, edus)
      await both.world.settled()
    },
    async signingKeys(content: JsonObject, type = 'm.signing_key_update') {
      await sendEdus(signer, a, [{ edu_type: type, content: { user_id: bob.userId, ...content } }])
      await both.world.settled()
    },
  }
}

const newKeys = ({ bob }: Neighbours, deviceId = 'NEW') => deviceKeysOf(bob.userId, deviceId, clientKey())

describe('a chain of changes', () => {
  test('is followed; a gap in it has the list asked for', async () => {
    const watch = await watched()
    const { alice, bob, asked, kept, update, world } = watch
    const start = kept().stream_id
    await update({ stream_id: start + 1, prev_id: [start], keys: newKeys(watch) })
    expect(await devicesSeen(alice, bob.userId)).toEqual([bob.deviceId, 'NEW'].sort())
    await update({ stream_id: start + 5, prev_id: [start + 1], deleted: true })
    expect([await devicesSeen(alice, bob.userId), asked()]).toEqual([[bob.deviceId], 1])

    const since = await tokenOf(alice)
    await update({ stream_id: far, prev_id: [far - 1], keys: newKeys(watch) })
    expect([asked(), kept()]).toEqual([2, { stream_id: start, current: 1 }])
    expect((await changesSince(alice, since)).changed).toEqual([bob.userId])
    // The server does not have what it told of.
    expect(await devicesSeen(alice, bob.userId)).toEqual([bob.deviceId])

    // A server whose changes never follow on what it said is asked less and less, but whoever wants to know is told.
    for (let round = 0; round < 5; round += 1) await update({ stream_id: far + round, prev_id: [far - 1], keys: newKeys(watch) })
    expect([asked(), kept().current]).toEqual([2, 0])
    expect([await devicesSeen(alice, bob.userId), asked(), kept().current]).toEqual([[bob.deviceId], 3, 1])
    await world.clock.advance(6000)
    await update({ stream_id: far, prev_id: [far - 1], keys: newKeys(watch) })
    expect(asked()).toBe(4)
  })

  test.each([
    ['no predecessor', { prev_id: [] }],
    ['no list of predecessors', { prev_id: 5 }],
    ['predecessors without end', { prev_id: Array.from({ length: 200 }, () => 0) }],
    ['a text for a number', { stream_id: '7' }],
    ['no device', { device_id: undefined }],
    ['a device id of 10,000 characters', { device_id: 'D'.repeat(10_000) }],
    ['keys of another device', { keys: 'OTHER' }],
    ['keys without end', { keys: 'BIG' }],
    ['a riddle', { deleted: 'perhaps' }],
  ])('with %s is in doubt: the list is asked for', async (_, wrong) => {
    const watch = await watched()
    const { alice, bob, asked, kept, update } = watch
    const start = kept().stream_id
    const keys = (wrong as { keys?: string }).keys
    const special =
      keys === 'OTHER'
        ? { keys: newKeys(watch, 'OTHER') }
        : keys === 'BIG'
          ? { keys: { ...newKeys(watch), more: 'x'.repeat(50_000) } }
          : {}
    await update({ stream_id: start + 1, prev_id: [start], keys: newKeys(watch), ...(wrong as JsonObject), ...special })
    expect([asked(), await devicesSeen(alice, bob.userId)]).toEqual([2, [bob.deviceId]])
  })

  test('that is told again is no news; an old one that says something else is a reason to ask', async () => {
    const watch = await watched()
    const { alice, bob, asked, kept, update } = watch
    const start = kept().stream_id
    const first = { stream_id: start + 1, prev_id: [start], keys: newKeys(watch) }
    await update(first)
    const since = await tokenOf(alice)
    await update(first, first)
    expect([(await changesSince(alice, since)).changed, asked()]).toEqual([[], 1])
    await update({ ...first, keys: newKeys(watch) })
    expect([(await changesSince(alice, since)).changed, asked()]).toEqual([[bob.userId], 2])
  })

  test('that moves on while the list is being asked for is asked for once more when somebody wants it', async () => {
    const watch = await watched()
    const { world, alice, bob, asked, kept, update } = watch
    const start = kept().stream_id
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    world.network.disturb(async (_from, _to, target) => {
      if (target.includes('/user/devices/')) await held
      return 'arrives' as const
    })
    const signer = signerOfServer(watch.b)
    const edu = (stream_id: number) => ({
      edu_type: 'm.device_list_update',
      content: { user_id: bob.userId, device_id: 'NEW', stream_id, prev_id: [stream_id - 1], keys: newKeys(watch) },
    })
    await sendEdus(signer, watch.a, [edu(start + 5)])
    await sendEdus(signer, watch.a, [edu(start + 6)])
    release()
    await world.settled()
    expect([asked(), kept().current]).toEqual([2, 0])
    await devicesSeen(alice, bob.userId)
    expect([asked(), kept().current]).toEqual([3, 1])
    await update({ stream_id: start + 1, prev_id: [start], keys: newKeys(watch) })
    expect([await devicesSeen(alice, bob.userId), asked()]).toEqual([[bob.deviceId, 'NEW'].sort(), 3])
  })
})

describe('a hostile server', () => {
  test('cannot speak for users of others', async () => {
    const watch = await watched()
    const { a, b, alice, asked, kept } = watch
    const since = await tokenOf(alice)
    const before = kept()
    const content = (user_id: string) => ({ user_id, device_id: 'NEW', stream_id: far, prev_id: [] })
    const lies = [alice.userId, '@x:c.test', '@bob:b.test:8448', 'bob', ''].flatMap((user) =>
      ['m.device_list_update', 'm.signing_key_update', 'org.matrix.signing_key_update'].map((edu_type) => ({
        edu_type,
        content: content(user),
      })),
    )
    await sendEdus(signerOfServer(b), a, [...lies, { edu_type: 'm.device_list_update', content: {} }])
    await watch.world.settled()
    expect([asked(), kept(), (await changesSince(alice, since)).changed]).toEqual([1, before, []])
  })

  test('gains nothing by thousands of changes of users who share a room or do not', async () => {
    const watch = await watched()
    const { a, b, alice, bob, asked } = watch
    const edus = Array.from({ length: 2000 }, (_, index) => ({
      edu_type: 'm.device_list_update',
      content: {
        user_id: index % 2 === 0 ? bob.userId : `@stranger${index}:b.test`,
        device_id: `D${index}`,
        stream_id: far + index * 2,
        prev_id: [far + index * 2 - 1],
      },
    }))
    await sendEdus(signerOfServer(b), a, edus)
    await watch.world.settled()
    expect(asked()).toBe(2)
    const rows = (table: string) => a.app.storage.reader.raw.prepare(`SELECT DISTINCT user_id FROM ${table}`).pluck().all()
    expect([rows('remote_device_lists'), rows('remote_devices')]).toEqual([[bob.userId], [bob.userId]])
    expect(rows('device_list_changes')).not.toContain('@stranger1:b.test')
    expect(await devicesSeen(alice, bob.userId)).toEqual([bob.deviceId])
  })

  test('cannot have a list grow without end', async () => {
    const watch = await watched()
    const { a, b, alice, bob, kept } = watch
    const start = kept().stream_id
    const edus = Array.from({ length: 1100 }, (_, index) => ({
      edu_type: 'm.device_list_update',
      content: {
        user_id: bob.userId,
        device_id: `D${index}`,
        stream_id: start + index + 1,
        prev_id: [start + index],
        keys: { ...deviceKeys, user_id: bob.userId, device_id: `D${index}` },
      },
    }))
    await sendEdus(signerOfServer(b), a, edus)
    await watch.world.settled()
    expect(a.app.storage.reader.raw.prepare('SELECT count(*) FROM remote_devices').pluck().get()).toBe(1)
    expect([await devicesSeen(alice, bob.userId), kept().current]).toEqual([[bob.deviceId], 1])
  })
})

const deviceKeys = { algorithms: [], keys: {}, signatures: {} }

describe('signing keys', () => {
  test('replace those that are kept, under both names; those that cannot be read have the list asked for', async () => {
    const watch = await watched()
    const { alice, bob, asked, signingKeys } = watch
    const [master, selfSigning, later] = [clientKey(), clientKey(), clientKey()]
    const master_key = crossSigningKey(bob.userId, 'master', master)
    await signingKeys({ master_key, self_signing_key: crossSigningKey(bob.userId, 'self_signing', selfSigning) })
    const seen = await query(alice, bob.userId)
    expect([seen.master_keys[bob.userId], Object.keys(seen.self_signing_keys)]).toEqual([master_key, [bob.userId]])
    await signingKeys({ master_key: crossSigningKey(bob.userId, 'master', later) }, 'org.matrix.signing_key_update')
    const after = await query(alice, bob.userId)
    expect(Object.keys(after.master_keys[bob.userId].keys)).toEqual([`ed25519:${later.publicKey}`])
    expect([after.self_signing_keys, asked()]).toEqual([{}, 1])
    await signingKeys({ master_key: crossSigningKey(alice.userId, 'master', later) })
    expect([(await query(alice, bob.userId)).master_keys, asked()]).toEqual([{}, 2])
  })
})

describe('sending', () => {
  test('what changed while the other server was away arrives when it is back, also after a restart', async () => {
    const watch = await watched()
    const { world, a, b, alice, bob } = watch
    const since = await tokenOf(alice)
    world.network.cut('a.test')
    const tablet = await b.login('bob', { deviceId: 'TABLET' })
    await uploadKeys(tablet)
    await ok(tablet, 'PUT', `${v3}/devices/TABLET`, { display_name: 'Tablet' })
    await world.settled()
    await b.restart()
    world.network.host('a.test', async (request) => (await a.app.federation?.fetch(request)) ?? Response.error())
    await world.clock.advance(60_000)
    await world.settled()
    expect((await changesSince(alice, since)).changed).toEqual([bob.userId])
    const seen = await query(alice, bob.userId)
    expect(seen.device_keys[bob.userId].TABLET.unsigned).toEqual({ device_display_name: 'Tablet' })
  })

  test('a list in doubt is still in doubt after a restart', async () => {
    const watch = await watched()
    const { world, a, alice, bob, asked, kept, update } = watch
    world.network.disturb((_from, _to, target) => (target.includes('/user/devices/') ? 'lost' : 'arrives'))
    await update({ stream_id: far, prev_id: [far - 1] })
    await a.restart()
    world.network.disturb(() => 'arrives')
    await world.clock.advance(10_000)
    expect(kept().current).toBe(0)
    expect([await devicesSeen(alice, bob.userId), asked(), kept().current]).toEqual([[bob.deviceId], 3, 1])
  })

  test('goes in the same write to each server that shares a room, as a chain', async () => {
    const { a, alice, roomId } = await neighbours()
    const { nid } = findRoom(a.app.storage.reader, roomId) ?? { nid: 0 }
    const sent: [readonly string[], Edu][] = []
    const news = createKeyChanges({
      serverName: 'a.test' as ServerName,
      enqueueEdu: (_tx, servers, edu) => sent.push([servers, edu]),
      serversSharingRoomWith: () => ['a.test', 'b.test', 'c.test'] as ServerName[],
    })
    await a.app.storage.write((tx) => {
      news.device(tx, alice.userId, alice.deviceId)
      news.device(tx, alice.userId, 'GONE')
      news.joined(tx, alice.userId, nid)
    })
    const [first, second, third] = sent.map(([, { content }]) => content)
    expect(sent.map(([servers, { type }]) => [servers, type])).toEqual([
      [['b.test', 'c.test'], 'm.device_list_update'],
      [['b.test', 'c.test'], 'm.device_list_update'],
      [['b.test'], 'm.device_list_update'],
    ])
    expect(first).toEqual({ user_id: alice.userId, device_id: alice.deviceId, stream_id: expect.any(Number), prev_id: [0] })
    expect(second).toMatchObject({ device_id: 'GONE', deleted: true, prev_id: [first?.stream_id] })
    expect(third).toMatchObject({ device_id: alice.deviceId, stream_id: second?.stream_id })
    expect(third?.prev_id).not.toEqual([second?.stream_id])
  })
})
