import { expect, test } from 'vitest'
import type { Network } from '../../src/federation/network.ts'
import { createWorld, federating, type TestUser } from '../support/world.ts'

const client = '/_matrix/client/v3'
const minute = 60_000

test('a server whose clock is wrong signs nothing and says so; when it is right again, all goes on', async () => {
  const world = await createWorld()
  let wrongBy = 0
  // As every real server does, the others say what time it is.
  const network: Network = {
    ...world.network,
    async exchange(request) {
      const answer = await world.network.exchange(request)
      if ('problem' in answer) return answer
      return { ...answer, headers: { ...answer.headers, date: new Date(world.clock.now()).toUTCString() } }
    },
  }
  const clock = { now: () => world.clock.now() + wrongBy }
  const a = await world.server('a.test', federating, { clock, network })
  const [b, c] = [await world.server('b.test', federating), await world.server('c.test', federating)]
  const [alice, bert, carla] = [await a.register('alice'), await b.register('bert'), await c.register('carla')]
  const invite = [bert.userId, carla.userId]
  const room = encodeURIComponent((await alice.request('POST', `${client}/createRoom`, { invite })).body.room_id)
  for (const user of [bert, carla]) expect((await user.request('POST', `${client}/join/${room}?via=a.test`, {})).status).toBe(200)
  const say = (user: TestUser, body: string) =>
    user.request('PUT', `${client}/rooms/${room}/send/m.room.message/${body}`, { msgtype: 'm.text', body })
  const heard = async (user: TestUser) => {
    const { chunk } = (await user.request('GET', `${client}/rooms/${room}/messages?dir=b&limit=50`)).body
    return chunk.flatMap(({ content }: { content: { body?: string } }) => content.body ?? [])
  }
  const { jobs, clockGuard } = a.app.operations
  const look = () => jobs.run('clock')
  await look()
  expect(clockGuard.state()).toMatchObject({ state: 'right', answers: 2 })

  wrongBy = -5 * minute
  await look()
  expect(clockGuard.state()).toMatchObject({ state: 'wrong', ahead: -5 * minute })
  expect(await say(alice, 'unsigned')).toMatchObject({
    status: 503,
    body: { errcode: 'M_UNKNOWN', error: expect.stringContaining('clock') },
  })
  expect((await alice.request('POST', `${client}/createRoom`, {})).status).toBe(503)
  expect((await a.app.operations.status()).messages).toEqual({ state: 'fail', problem: 'clock' })
  // Nobody has to sign in anew, and all can be read.
  expect((await alice.request('GET', `${client}/sync`)).status).toBe(200)

  wrongBy = 0
  await look()
  expect(clockGuard.state().state).toBe('right')
  expect((await say(alice, 'signed')).status).toBe(200)
  await world.clock.advance(minute)
  await expect.poll(() => heard(bert)).toContain('signed')
  expect(await heard(bert)).not.toContain('unsigned')
})
