import { expect, test } from 'vitest'
import { createWorld, federating, type TestUser } from '../support/world.ts'
import { numbered, pass } from './sender-kit.ts'

const v3 = '/_matrix/client/v3'
const hour = 3_600_000

/** Alice and Bob in one room, each on a server of their own. */
async function twoBoxes() {
  const world = await createWorld()
  const [a, b] = [await world.server('a.test', federating), await world.server('b.test', federating)]
  const [alice, bob] = [await a.register('alice'), await b.register('bob')]
  const roomId: string = (await alice.request('POST', `${v3}/createRoom`, { preset: 'public_chat' })).body.room_id
  const joined = await bob.request('POST', `${v3}/join/${encodeURIComponent(roomId)}?via=a.test`, {})
  expect(joined.status).toBe(200)
  await world.settled()
  const room = `${v3}/rooms/${encodeURIComponent(roomId)}`
  let count = 0
  const say = async (user: TestUser, ...texts: readonly string[]) => {
    for (const body of texts) {
      count += 1
      const sent = await user.request('PUT', `${room}/send/m.room.message/${count}`, { msgtype: 'm.text', body })
      expect(sent.status).toBe(200)
    }
  }
  const read = async (user: TestUser): Promise<readonly string[]> => {
    const { body } = await user.request('GET', `${room}/messages?dir=b&limit=100`)
    return body.chunk.flatMap((event: { content: { body?: string } }) => event.content.body ?? []).toReversed()
  }
  return { world, a, b, alice, bob, say, read }
}

test('a box that was away gets everything in order as soon as it is heard from', async () => {
  const { world, alice, bob, say, read } = await twoBoxes()
  world.network.disturb((_, to) => (to === 'b.test' ? 'lost' : 'arrives'))
  await say(alice, ...numbered('message ', 60))
  await pass(world, 6 * hour, hour / 4)
  expect(await read(bob)).toEqual([])
  world.network.disturb(() => 'arrives')
  await say(bob, 'here again')
  await pass(world, 30_000)
  expect((await read(bob)).toSorted()).toEqual([...numbered('message ', 60), 'here again'].toSorted())
  expect((await read(bob)).filter((text) => text !== 'here again')).toEqual(numbered('message ', 60))
  expect(await read(alice)).toContain('here again')
})

test('a box that restarts sends what waited, and tells the others that it is back', async () => {
  const { world, a, alice, bob, say, read } = await twoBoxes()
  // Neither reaches the other: it is the connection of the first that is gone.
  world.network.disturb(() => 'lost')
  await say(alice, 'one', 'two')
  await say(bob, 'three')
  await pass(world, 6 * hour, hour / 4)
  world.network.disturb(() => 'arrives')
  await a.restart()
  await pass(world, 40_000)
  for (const user of [alice, bob]) expect((await read(user)).toSorted()).toEqual(['one', 'three', 'two'])
})

test('what arrives twice, or without an answer, is there once', async () => {
  const { world, alice, bob, say, read } = await twoBoxes()
  world.network.disturb(() => 'twice')
  await say(alice, 'one')
  await world.settled()
  world.network.disturb((_, to) => (to === 'b.test' ? 'unanswered' : 'arrives'))
  await say(alice, 'two')
  await world.settled()
  await say(alice, 'three')
  world.network.disturb(() => 'arrives')
  await pass(world, 10_000)
  expect(await read(bob)).toEqual(['one', 'two', 'three'])
})
