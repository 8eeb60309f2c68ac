import { describe, expect, test } from 'vitest'
import { cheap } from '../accounts/cheap-world.ts'
import { createWorld, type TestUser } from '../support/world.ts'

const v3 = '/_matrix/client/v3'

/** A private room of alice, and people who are not in it. */
async function setUp(wish: object = {}) {
  const world = await createWorld()
  const server = await world.server('a.test', {}, cheap)
  const alice = await server.register('alice')
  const bob = await server.register('bob')
  const created = await alice.request('POST', `${v3}/createRoom`, { name: 'Practice', ...wish })
  const roomId: string = created.body.room_id
  const room = `${v3}/rooms/${encodeURIComponent(roomId)}`
  const about = (verb: string, user: TestUser) => alice.request('POST', `${room}/${verb}`, { user_id: user.userId })
  async function say(user: TestUser, body: string): Promise<string> {
    const sent = await user.request('PUT', `${room}/send/m.room.message/${body}`, { msgtype: 'm.text', body })
    expect(sent.status).toBe(200)
    return sent.body.event_id
  }
  async function membershipOf(user: TestUser): Promise<string> {
    return (await alice.request('GET', `${room}/state/m.room.member/${encodeURIComponent(user.userId)}`)).body.membership
  }
  return { world, server, alice, bob, roomId, room, about, say, membershipOf }
}

describe('the memberships of a room', () => {
  test('who is invited joins, and who left forgets', async () => {
    const { alice, bob, room, roomId, about, membershipOf } = await setUp()
    expect((await bob.request('POST', `${room}/join`, {})).status).toBe(403)
    expect(await about('invite', bob)).toMatchObject({ status: 200, body: {} })
    expect(await membershipOf(bob)).toBe('invite')
    expect((await bob.request('POST', `${room}/join`, {})).body).toEqual({ room_id: roomId })
    expect((await bob.request('GET', `${v3}/joined_rooms`)).body).toEqual({ joined_rooms: [roomId] })
    expect((await bob.request('POST', `${room}/forget`)).status).toBe(400)
    expect((await bob.request('POST', `${room}/leave`, {})).status).toBe(200)
    expect(await membershipOf(bob)).toBe('leave')
    expect((await bob.request('GET', `${v3}/joined_rooms`)).body).toEqual({ joined_rooms: [] })
    expect((await bob.request('GET', `${room}/state`)).status).toBe(200)
    expect((await bob.request('POST', `${room}/forget`)).status).toBe(200)
    expect((await bob.request('GET', `${room}/state`)).status).toBe(403)
    expect((await alice.request('GET', `${v3}/joined_rooms`)).body).toEqual({ joined_rooms: [roomId] })
  })

  test('who was kicked may come again, who was banned may not until the ban is lifted', async () => {
    const { bob, room, about, membershipOf } = await setUp({ preset: 'public_chat' })
    await bob.request('POST', `${room}/join`, {})
    expect((await about('kick', bob)).status).toBe(200)
    expect(await membershipOf(bob)).toBe('leave')
    expect((await bob.request('POST', `${room}/join`, {})).status).toBe(200)
    expect((await about('ban', bob)).status).toBe(200)
    expect(await membershipOf(bob)).toBe('ban')
    expect(await bob.request('POST', `${room}/join`, {})).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect((await about('unban', bob)).status).toBe(200)
    expect((await bob.request('POST', `${room}/join`, {})).status).toBe(200)
  })

  test('who knocks waits to be invited', async () => {
    const rules = [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }]
    const { bob, room, roomId, about, membershipOf } = await setUp({ initial_state: rules })
    const knocked = await bob.request('POST', `${v3}/knock/${encodeURIComponent(roomId)}`, { reason: 'please' })
    expect(knocked).toMatchObject({ status: 200, body: { room_id: roomId } })
    expect(await membershipOf(bob)).toBe('knock')
    expect((await bob.request('POST', `${room}/join`, {})).status).toBe(403)
    expect((await about('invite', bob)).status).toBe(200)
    expect((await bob.request('POST', `${v3}/join/${encodeURIComponent(roomId)}`, {})).body).toEqual({ room_id: roomId })
  })

  test('moderation is for those with the power to do it', async () => {
    const { server, bob, room } = await setUp({ preset: 'public_chat' })
    const carol = await server.register('carol')
    for (const user of [bob, carol]) await user.request('POST', `${room}/join`, {})
    for (const verb of ['kick', 'ban', 'unban']) {
      const answer = await bob.request('POST', `${room}/${verb}`, { user_id: carol.userId })
      expect(answer).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    }
    const { body } = await bob.request('GET', `${room}/joined_members`)
    expect(Object.keys(body.joined).sort()).toEqual(['@alice:a.test', '@bob:a.test', '@carol:a.test'])
  })
})

describe('reading a room', () => {
  test('messages come page by page, in both directions', async () => {
    const { alice, room, say } = await setUp()
    for (const text of ['1', '2', '3', '4', '5']) await say(alice, text)
    const filter = encodeURIComponent(JSON.stringify({ types: ['m.room.message'] }))
    const page = async (words: string) => (await alice.request('GET', `${room}/messages?filter=${filter}&limit=2&${words}`)).body
    const texts = ({ chunk }: { chunk: { content: { body: string } }[] }) => chunk.map(({ content }) => content.body)
    const newest = await page('dir=b')
    expect(texts(newest)).toEqual(['5', '4'])
    const older = await page(`dir=b&from=${newest.end}`)
    expect(texts(older)).toEqual(['3', '2'])
    expect(texts(await page(`dir=f&from=${older.end}`))).toEqual(['2', '3'])
    const oldest = await page(`dir=b&from=${older.end}`)
    expect(texts(oldest)).toEqual(['1'])
  })

  test('an event is shown alone and among its neighbours', async () => {
    const { alice, bob, room, roomId, say } = await setUp()
    await say(alice, 'before')
    const eventId = await say(alice, 'this')
    await say(alice, 'after')
    const expected = { event_id: eventId, room_id: roomId, sender: alice.userId, content: { body: 'this' } }
    expect((await alice.request('GET', `${room}/event/${eventId}`)).body).toMatchObject(expected)
    const { body } = await alice.request('GET', `${room}/context/${eventId}?limit=2`)
    expect(body.event).toMatchObject(expected)
    expect(body.events_before).toMatchObject([{ content: { body: 'before' } }])
    expect(body.events_after).toMatchObject([{ content: { body: 'after' } }])
    expect(body.state).toContainEqual(expect.objectContaining({ type: 'm.room.create' }))
    for (const path of [`event/${eventId}`, `context/${eventId}`]) {
      expect([403, 404]).toContain((await bob.request('GET', `${room}/${path}`)).status)
      expect((await alice.request('GET', `${room}/${path}x`)).body.errcode).toBe('M_NOT_FOUND')
    }
  })

  test('state and members are those of now', async () => {
    const { alice, bob, room, about } = await setUp()
    await about('invite', bob)
    const state = (await alice.request('GET', `${room}/state`)).body
    expect(state).toContainEqual(expect.objectContaining({ type: 'm.room.name', state_key: '', content: { name: 'Practice' } }))
    const members = async (words: string) => {
      const { body } = await alice.request('GET', `${room}/members${words}`)
      return body.chunk.map(({ state_key }: { state_key: string }) => state_key).sort()
    }
    expect(await members('')).toEqual(['@alice:a.test', '@bob:a.test'])
    expect(await members('?membership=invite')).toEqual(['@bob:a.test'])
    expect(await members('?not_membership=invite')).toEqual(['@alice:a.test'])
    const named = { membership: 'join', displayname: 'Dr. Alice' }
    await alice.request('PUT', `${room}/state/m.room.member/${encodeURIComponent(alice.userId)}`, named)
    const { joined } = (await alice.request('GET', `${room}/joined_members`)).body
    expect(joined).toEqual({ '@alice:a.test': { display_name: 'Dr. Alice' } })
  })

  test('what was redacted is gone', async () => {
    const { alice, room, say } = await setUp()
    const eventId = await say(alice, 'oops')
    const redacted = await alice.request('PUT', `${room}/redact/${eventId}/1`, { reason: 'slip' })
    expect(redacted.status).toBe(200)
    const { body } = await alice.request('GET', `${room}/event/${eventId}`)
    expect(body.content).toEqual({})
    expect(body.unsigned.redacted_because.event_id).toBe(redacted.body.event_id)
  })
})
