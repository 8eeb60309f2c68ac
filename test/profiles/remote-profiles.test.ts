import { expect, test } from 'vitest'
import { createWorld, federating } from '../support/world.ts'

async function setUp(answer: (request: Request) => Response) {
  const world = await createWorld()
  world.network.host('peer.test', answer)
  const server = await world.server('a.test', federating)
  const asked = () => world.network.asked.filter((what) => what.includes('/query/profile')).length
  const ask = (user: string) => server.request('GET', `/_matrix/client/v3/profile/${encodeURIComponent(user)}`)
  return { world, asked, ask }
}

test('what a user of another server says is asked for once in a while', async () => {
  let name = 'before'
  const { world, asked, ask } = await setUp(() => Response.json({ displayname: name }))
  const answers = await Promise.all([ask('@x:peer.test'), ask('@x:peer.test'), ask('@x:peer.test')])
  expect(answers.map(({ body }) => body.displayname)).toEqual(['before', 'before', 'before'])
  name = 'after'
  await world.clock.advance(29_999)
  expect((await ask('@x:peer.test')).body).toEqual({ displayname: 'before' })
  expect(asked()).toBe(1)
  await world.clock.advance(1)
  expect((await ask('@x:peer.test')).body).toEqual({ displayname: 'after' })
  expect((await ask('@y:peer.test')).status).toBe(200)
  expect(asked()).toBe(3)
})

test('that there is no such user is kept for a moment, and no answer not at all', async () => {
  let status = 404
  const { world, asked, ask } = await setUp(() => Response.json({ errcode: 'M_NOT_FOUND', error: 'no' }, { status }))
  expect([(await ask('@x:peer.test')).status, (await ask('@x:peer.test')).status, asked()]).toEqual([404, 404, 1])
  await world.clock.advance(5000)
  status = 500
  expect([(await ask('@x:peer.test')).status, (await ask('@x:peer.test')).status, asked()]).toEqual([502, 502, 3])
})

test('a giant profile is passed on, but not kept', async () => {
  const { asked, ask } = await setUp(() => Response.json({ 'org.example.field': 'x'.repeat(50_000) }))
  for (const round of [1, 2]) {
    expect((await ask('@x:peer.test')).body['org.example.field']).toHaveLength(50_000)
    expect(asked()).toBe(round)
  }
})
