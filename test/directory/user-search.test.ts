import { describe, expect, test } from 'vitest'
import type { TestUser } from '../support/world.ts'
import { createRoom, join, setState, setUp, v3 } from './kit.ts'

const search = (user: TestUser, term: string, limit?: number) =>
  user.request('POST', `${v3}/user_directory/search`, { search_term: term, ...(limit !== undefined && { limit }) })
const idsFor = async (user: TestUser, term: string) =>
  (await search(user, term)).body.results.map(({ user_id }: { user_id: string }) => user_id)
const setField = (user: TestUser, field: string, value: string) =>
  user.request('PUT', `${v3}/profile/${encodeURIComponent(user.userId)}/${field}`, { [field]: value })

async function shareRoom(one: TestUser, other: TestUser): Promise<string> {
  const roomId = await createRoom(one, { invite: [other.userId] })
  await join(other, roomId)
  return roomId
}

describe('whom one sees', () => {
  test('nobody, without anything in common', async () => {
    const { bob } = await setUp()
    expect((await search(bob, 'alice')).body).toEqual({ results: [], limited: false })
  })

  test('those in a shared room, until one of the two leaves', async () => {
    const { alice, bob } = await setUp()
    const roomId = await shareRoom(alice, bob)
    expect(await idsFor(bob, 'alice')).toEqual([alice.userId])
    await bob.request('POST', `${v3}/rooms/${encodeURIComponent(roomId)}/leave`, {})
    expect(await idsFor(bob, 'alice')).toEqual([])
  })

  test('not those who are only invited', async () => {
    const { alice, bob } = await setUp()
    await createRoom(alice, { invite: [bob.userId] })
    expect(await idsFor(alice, 'bob')).toEqual([])
  })

  test('those in a room that everybody may enter, published or not', async () => {
    const { alice, bob } = await setUp()
    await createRoom(alice, { preset: 'public_chat' })
    expect(await idsFor(bob, 'alice')).toEqual([alice.userId])
  })

  test('those in a room that everybody may read', async () => {
    const { alice, bob } = await setUp()
    const roomId = await createRoom(alice)
    expect(await idsFor(bob, 'alice')).toEqual([])
    await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' })
    expect(await idsFor(bob, 'alice')).toEqual([alice.userId])
  })

  test('not oneself', async () => {
    const { alice, bob } = await setUp()
    await shareRoom(alice, bob)
    expect(await idsFor(bob, 'bob')).toEqual([])
  })

  test('not those whose account has ended', async () => {
    const { alice, bob } = await setUp()
    await createRoom(alice, { preset: 'public_chat' })
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password: 'password of alice' }
    const ended = await alice.request('POST', `${v3}/account/deactivate`, { auth })
    expect(ended.status).toBe(200)
    expect(await idsFor(bob, 'alice')).toEqual([])
  })
})

describe('what is searched', () => {
  async function named() {
    const { server, alice, bob } = await setUp()
    await setField(alice, 'displayname', 'Alice Cooper')
    await setField(alice, 'avatar_url', 'mxc://a.test/alice')
    await createRoom(alice, { visibility: 'public' })
    return { server, alice, bob }
  }

  test('ids and names, whatever the case and the order of words', async () => {
    const { alice, bob } = await named()
    for (const term of ['Alice Cooper', 'cooper ALICE', 'coop', '@alice:a.test', '@ali', 'cooper a.test', ' cooper '])
      expect(await idsFor(bob, term), term).toEqual([alice.userId])
    for (const term of ['Alice Schwarzer', 'bob', '', '   ']) expect(await idsFor(bob, term), term).toEqual([])
  })

  test('the answer holds what the user says to everybody', async () => {
    const { alice, bob } = await named()
    expect((await search(bob, 'cooper')).body).toEqual({
      results: [{ user_id: alice.userId, display_name: 'Alice Cooper', avatar_url: 'mxc://a.test/alice' }],
      limited: false,
    })
  })

  test('a name for one room is not found, not even by those in the room', async () => {
    const { server, alice, bob } = await named()
    const eve = await server.register('eve')
    const roomId = await shareRoom(bob, alice)
    await setState(alice, roomId, 'm.room.member', { membership: 'join', displayname: 'Freddy' }, alice.userId)
    for (const searcher of [bob, eve]) {
      expect(await idsFor(searcher, 'Freddy')).toEqual([])
      const { body } = await search(searcher, '@a')
      expect(body.results).toMatchObject([{ user_id: alice.userId, display_name: 'Alice Cooper' }])
    }
  })
})

describe('how many', () => {
  test('the best first, and whether there are more', async () => {
    const { server, alice, bob } = await setUp()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    for (const name of ['ann', 'annabel', 'joann', 'annika']) {
      const user = await server.register(name)
      await join(user, roomId)
      if (name === 'annika') await setField(user, 'displayname', 'Annika')
    }
    expect(await idsFor(bob, '@ann:a.test')).toEqual(['@ann:a.test'])
    const order = ['@annika:a.test', '@ann:a.test', '@annabel:a.test', '@joann:a.test']
    expect(await idsFor(bob, 'ann')).toEqual(order)
    expect((await search(bob, 'ann', 4)).body.limited).toBe(false)
    const few = (await search(bob, 'ann', 3)).body
    expect(few.results.map(({ user_id }: { user_id: string }) => user_id)).toEqual(order.slice(0, 3))
    expect(few.limited).toBe(true)
  })

  test('ten unless asked otherwise', async () => {
    const { server, alice, bob } = await setUp()
    const roomId = await createRoom(alice, { preset: 'public_chat' })
    for (let index = 0; index < 11; index += 1) await join(await server.register(`crowd${index}`), roomId)
    const { body } = await search(bob, 'crowd')
    expect(body.results).toHaveLength(10)
    expect(body.limited).toBe(true)
    expect((await search(bob, 'crowd', 1000)).body.results).toHaveLength(11)
  })

  test('bad questions get clear answers', async () => {
    const { server, bob } = await setUp()
    const bad = { status: 400, body: { errcode: 'M_BAD_JSON' } }
    expect(await bob.request('POST', `${v3}/user_directory/search`, {})).toMatchObject(bad)
    expect(await search(bob, 'x', 0)).toMatchObject(bad)
    expect(await search(bob, 'x'.repeat(256))).toMatchObject(bad)
    expect((await server.request('POST', `${v3}/user_directory/search`, { search_term: 'x' })).status).toBe(401)
  })
})
