import { expect, test } from 'vitest'
import { cheap } from '../accounts/cheap-world.ts'
import { createWorld } from '../support/world.ts'

const v3 = '/_matrix/client/v3'

test('members learn of the presence of somebody who joins, though it did not change', async () => {
  const world = await createWorld()
  const server = await world.server('a.test', {}, cheap)
  const alice = await server.register('alice')
  const bob = await server.register('bob')
  const roomId: string = (await alice.request('POST', `${v3}/createRoom`, { preset: 'public_chat' })).body.room_id
  await bob.request('GET', `${v3}/sync`)
  await server.settled()
  const since: string = (await alice.request('GET', `${v3}/sync`)).body.next_batch
  await bob.request('POST', `${v3}/join/${encodeURIComponent(roomId)}`, {})
  const { body } = await alice.request('GET', `${v3}/sync?since=${since}`)
  const present = body.presence?.events.filter(({ sender }: { sender: string }) => sender === bob.userId)
  expect(present).toMatchObject([{ type: 'm.presence', content: { presence: 'online' } }])
  const next = await alice.request('GET', `${v3}/sync?since=${body.next_batch}`)
  expect(next.body.presence).toBeUndefined()
})
