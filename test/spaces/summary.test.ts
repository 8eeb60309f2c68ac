import { describe, expect, test } from 'vitest'
import type { TestServer } from '../support/world.ts'
import { createRoom, invite, join, twoServers, v3 } from './kit.ts'

const path = (room: string, via = '') => `/_matrix/client/v1/room_summary/${encodeURIComponent(room)}${via && `?via=${via}`}`
const unseen = { status: 404, body: { errcode: 'M_NOT_FOUND' } }
const stranger = (server: TestServer, room: string) => server.request('GET', path(room))

describe('a summary', () => {
  test('says what a room is, and what one is in it', async () => {
    const { alice } = await twoServers()
    const room = await createRoom(alice, 'room', { preset: 'private_chat' })
    expect((await alice.request('GET', path(room))).body).toEqual({
      room_id: room,
      name: 'room',
      num_joined_members: 1,
      world_readable: false,
      guest_can_join: true,
      join_rule: 'invite',
      room_version: '12',
      membership: 'join',
    })
  })

  test('names the rooms that open it, and how it is encrypted', async () => {
    const { alice } = await twoServers()
    const room = await createRoom(alice, 'room', { openedBy: ['!a:a.test', '!b:a.test'], version: '9' })
    const encryption = { algorithm: 'm.megolm.v1.aes-sha2' }
    const put = await alice.request('PUT', `${v3}/rooms/${encodeURIComponent(room)}/state/m.room.encryption/`, encryption)
    expect(put.status).toBe(200)
    expect((await alice.request('GET', path(room))).body).toMatchObject({
      join_rule: 'restricted',
      allowed_room_ids: ['!a:a.test', '!b:a.test'],
      encryption: 'm.megolm.v1.aes-sha2',
      room_version: '9',
    })
  })

  test('is for those who may see the room; without signing in only for rooms that anybody may', async () => {
    const { a, alice } = await twoServers()
    const [open, closed] = [await createRoom(alice, 'open'), await createRoom(alice, 'closed', { preset: 'private_chat' })]
    const readable = await createRoom(alice, 'readable', { preset: 'private_chat', readable: true })
    const restricted = await createRoom(alice, 'restricted', { openedBy: [open] })
    expect((await stranger(a, open)).body.membership).toBeUndefined()
    expect((await stranger(a, readable)).status).toBe(200)
    expect(await stranger(a, closed)).toMatchObject(unseen)
    expect(await stranger(a, restricted)).toMatchObject(unseen)
    const carol = await a.register('carol')
    expect(await carol.request('GET', path(closed))).toMatchObject(unseen)
    expect(await carol.request('GET', path(restricted))).toMatchObject(unseen)
    await join(carol, open)
    expect((await carol.request('GET', path(restricted))).status).toBe(200)
    await invite(alice, closed, carol.userId)
    expect((await carol.request('GET', path(closed))).body).toMatchObject({ name: 'closed', membership: 'invite' })
  })

  test('can be asked for by an alias, of this server and of another', async () => {
    const { a, alice, bob } = await twoServers()
    const wish = { preset: 'public_chat', room_alias_name: 'practice', name: 'there' }
    const room = (await bob.request('POST', `${v3}/createRoom`, wish)).body.room_id
    for (const server of [a, undefined]) {
      const { status, body } = await (server ?? alice).request('GET', path('#practice:b.test'))
      expect([status, body.room_id, body.name, body.membership]).toEqual([200, room, 'there', undefined])
    }
    expect((await bob.request('GET', path('#practice:b.test'))).body.membership).toBe('join')
    expect(await alice.request('GET', path('#nothing:b.test'))).toMatchObject(unseen)
    expect(await alice.request('GET', path('practice'))).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
  })

  test('is asked of the servers that are named', async () => {
    const { world, alice, bob } = await twoServers()
    const room = await createRoom(bob, 'there')
    expect(await alice.request('GET', path(room))).toMatchObject(unseen)
    expect(world.network.asked.filter((what) => what.includes('/hierarchy/'))).toEqual([])
    expect((await alice.request('GET', path(room, 'b.test'))).body).toMatchObject({ room_id: room, name: 'there' })
    const closed = await createRoom(bob, 'closed', { preset: 'private_chat' })
    expect(await alice.request('GET', path(closed, 'b.test'))).toMatchObject(unseen)
  })

  test('of a room elsewhere that one is invited to is asked of those who invited', async () => {
    const { alice, bob } = await twoServers()
    const room = await createRoom(bob, 'closed', { preset: 'private_chat' })
    await invite(bob, room, alice.userId)
    expect((await alice.request('GET', path(room, 'b.test'))).body).toMatchObject({ name: 'closed', membership: 'invite' })
  })
})
