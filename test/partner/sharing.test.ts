import { randomBytes, randomUUID } from 'node:crypto'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import type { Person } from './person.ts'
import { createRoom, expectAgreement, join, of, say, serverOf, stateOf, untilMembership, untilSeen } from './rooms-kit.ts'
import { missing } from './sides.ts'
import { hosts, stage, versions } from './stage.ts'

const receiptOf = (person: Person, roomId: string, eventId: string) => {
  const content = person.ephemeral(roomId).get('m.receipt') as Record<string, { 'm.read'?: object }> | undefined
  return content?.[eventId]?.['m.read'] ?? {}
}

async function upload({ url, accessToken }: Person, bytes: Uint8Array<ArrayBuffer>, type: string): Promise<string> {
  const response = await fetch(`${url}/_matrix/media/v3/upload?filename=report`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': type },
    body: bytes,
  })
  expect(response.status).toBe(200)
  return ((await response.json()) as { content_uri: string }).content_uri
}

async function media({ url, accessToken }: Person, path: string): Promise<{ type: string | null; bytes: Buffer }> {
  const response = await fetch(`${url}/_matrix/client/v1/media/${path}`, { headers: { authorization: `Bearer ${accessToken}` } })
  expect(response.status, `${path}: ${response.status}`).toBe(200)
  return { type: response.headers.get('content-type'), bytes: Buffer.from(await response.arrayBuffer()) }
}

const placeOf = (uri: string) => uri.slice('mxc://'.length)

describe.skipIf(missing)('what people share, between a real Synapse and this server', () => {
  const { cast } = stage()

  describe.each(hosts)('of %s', (side) => {
    test('files arrive byte by byte, and a picture also as a thumbnail', async () => {
      const { host, guest } = await cast(side)
      const bytes = Uint8Array.from(randomBytes(3_000_000))
      const file = await upload(host, bytes, 'application/pdf')
      const received = await media(guest, `download/${placeOf(file)}`)
      expect(received.type).toBe('application/pdf')
      expect(received.bytes.equals(bytes)).toBe(true)
      const colour = { create: { width: 900, height: 600, channels: 3, background: '#0a7' } } as const
      const picture = await upload(host, Uint8Array.from(await sharp(colour).png().toBuffer()), 'image/png')
      const thumbnail = await media(guest, `thumbnail/${placeOf(picture)}?width=320&height=240&method=scale`)
      const { width = 0 } = await sharp(thumbnail.bytes).metadata()
      expect(width).toBeGreaterThan(0)
      expect(width).toBeLessThan(900)
    })

    test('files that are not there, or not yet, are not found', async () => {
      const { host, guest } = await cast(side)
      expect(await guest.refused('GET', `/_matrix/client/v1/media/download/${serverOf(host)}/${randomUUID()}`)).toEqual([
        404,
        'M_NOT_FOUND',
      ])
    })

    test('public rooms are listed and searched; aliases come and go', async () => {
      const { host, guest } = await cast(side)
      const alias = `reception-${side}`
      const wish = { preset: 'public_chat', visibility: 'public', name: `Reception of ${side}`, topic: 'Everybody' }
      const roomId = await createRoom(host, '11', { ...wish, room_alias_name: alias })
      const server = of(serverOf(host))
      const { chunk } = await guest.ok('GET', `/publicRooms?server=${server}`)
      const listed = { room_id: roomId, name: wish.name, topic: wish.topic, num_joined_members: 1, join_rule: 'public' }
      expect(chunk).toContainEqual(expect.objectContaining({ ...listed, canonical_alias: `#${alias}:${serverOf(host)}` }))
      const found = await guest.ok('POST', `/publicRooms?server=${server}`, { filter: { generic_search_term: wish.name } })
      expect(found.chunk.map((room: { room_id: string }) => room.room_id)).toEqual([roomId])
      const path = `/directory/room/${of(`#${alias}:${serverOf(host)}`)}`
      expect(await guest.ok('GET', path)).toEqual({ room_id: roomId, servers: [serverOf(host)] })
      await host.ok('DELETE', path)
      expect((await guest.ask('GET', path)).status).toBe(404)
    })

    test('a summary and a hierarchy of rooms that nobody here is in', async () => {
      const { host, guest } = await cast(side)
      const child = await createRoom(host, '11', { preset: 'public_chat', name: 'Child' })
      const content = { via: [serverOf(host)] }
      const space = await createRoom(host, '11', {
        preset: 'public_chat',
        name: 'House',
        creation_content: { type: 'm.space' },
        initial_state: [{ type: 'm.space.child', state_key: child, content }],
      })
      await join(guest, space, serverOf(host))
      const { rooms } = await guest.ok('GET', `/_matrix/client/v1/rooms/${of(space)}/hierarchy`)
      expect(rooms.map((room: { room_id: string; name: string }) => [room.room_id, room.name])).toEqual([
        [space, 'House'],
        [child, 'Child'],
      ])
      const summary = await guest.ok('GET', `/_matrix/client/v1/room_summary/${of(child)}?via=${of(serverOf(host))}`)
      expect(summary).toMatchObject({ room_id: child, name: 'Child', num_joined_members: 1 })
    })

    test.each(versions)('version %s: typing, receipts, presence and profiles', async (version) => {
      const { host, guest } = await cast(side)
      const roomId = await createRoom(host, version, { preset: 'public_chat' })
      await join(guest, roomId, serverOf(host))
      await untilMembership(host, roomId, guest, 'join')
      for (const [one, other] of [
        [host, guest],
        [guest, host],
      ] as const) {
        const typing = () => (other.ephemeral(roomId).get('m.typing') as { user_ids: string[] } | undefined)?.user_ids ?? []
        await one.ok('PUT', `/rooms/${of(roomId)}/typing/${of(one.userId)}`, { typing: true, timeout: 20_000 })
        await other.until('typing', async () => typing().includes(one.userId))
        await one.ok('PUT', `/rooms/${of(roomId)}/typing/${of(one.userId)}`, { typing: false })
        await other.until('no typing', async () => !typing().includes(one.userId))
        const text = randomUUID()
        const eventId = await say(other, roomId, text)
        await untilSeen(one, roomId, text)
        await one.ok('POST', `/rooms/${of(roomId)}/receipt/m.read/${of(eventId)}`, {})
        await other.until('receipt', async () => Object.hasOwn(receiptOf(other, roomId, eventId), one.userId))
        await one.ok('PUT', `/profile/${of(one.userId)}/displayname`, { displayname: `Dr. ${one.userId}` })
        await other.until('name in the room', async () => {
          const member = await stateOf(other, roomId, 'm.room.member', one.userId)
          return member?.displayname === `Dr. ${one.userId}`
        })
        await one.ok('PUT', `/presence/${of(one.userId)}/status`, { presence: 'unavailable', status_msg: 'In surgery' })
        await other.until('presence', async () => {
          const { body } = await other.ask('GET', `/presence/${of(one.userId)}/status`)
          return body.presence === 'unavailable' && body.status_msg === 'In surgery'
        })
      }
      await expectAgreement(roomId, host, guest)
    })
  })
})
