import { describe, expect, test } from 'vitest'
import type { TestUser } from '../support/world.ts'
import { joinVia, pair } from './federation-kit.ts'
import { cast, createRoom, join, leave, ok, say, setState, v3 } from './kit.ts'

async function found(user: TestUser, roomId: string, ts: number, dir: string) {
  const { status, body } = await user.request(
    'GET',
    `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/timestamp_to_event?ts=${ts}&dir=${dir}`,
  )
  return status === 200 ? [body.event_id, body.origin_server_ts] : [status, body.errcode]
}

describe('the event closest to a time', () => {
  test('is the next one, or the one before; of several at once the one that comes first', async () => {
    const { world, alice } = await cast()
    const roomId = await createRoom(alice)
    const start = world.clock.now()
    await world.clock.advance(1000)
    const [one, two, three] = [
      await say(alice, roomId, 'one'),
      await say(alice, roomId, 'two'),
      await say(alice, roomId, 'three'),
    ]
    const noon = world.clock.now()
    await world.clock.advance(1000)
    const last = await say(alice, roomId, 'last')
    expect(await found(alice, roomId, noon, 'f')).toEqual([one, noon])
    expect(await found(alice, roomId, noon, 'b')).toEqual([three, noon])
    expect(await found(alice, roomId, start + 1, 'f')).toEqual([one, noon])
    expect(await found(alice, roomId, noon + 1, 'f')).toEqual([last, noon + 1000])
    expect(await found(alice, roomId, noon + 999, 'b')).toEqual([three, noon])
    expect(two).not.toBe(one)
    expect(await found(alice, roomId, start - 1, 'b')).toEqual([404, 'M_NOT_FOUND'])
    expect(await found(alice, roomId, noon + 1001, 'f')).toEqual([404, 'M_NOT_FOUND'])
  })

  test('is one that the user can see', async () => {
    const { world, alice, bob, carol } = await cast()
    const roomId = await createRoom(alice)
    await setState(alice, roomId, 'm.room.history_visibility', { history_visibility: 'joined' })
    for (let count = 0; count < 120; count += 1) await say(alice, roomId, 'hidden')
    await world.clock.advance(1000)
    await join(bob, roomId)
    const seen = await say(alice, roomId, 'seen')
    await leave(bob, roomId)
    const noon = world.clock.now()
    await world.clock.advance(1000)
    await say(alice, roomId, 'hidden again')
    const [, at] = await found(bob, roomId, noon - 500, 'f')
    expect(at).toBe(noon)
    expect(await found(bob, roomId, noon - 1, 'b')).not.toEqual([seen, noon])
    expect((await found(bob, roomId, noon + 5000, 'b'))[1]).toBe(noon)
    expect(await found(bob, roomId, noon + 1, 'f')).toEqual([404, 'M_NOT_FOUND'])
    expect(await found(carol, roomId, noon, 'f')).toEqual([403, 'M_FORBIDDEN'])
    expect(await found(carol, '!nowhere:a.test', noon, 'f')).toEqual([403, 'M_FORBIDDEN'])
  })

  test('is looked for in one direction', async () => {
    const { alice } = await cast()
    const roomId = await createRoom(alice)
    expect(await found(alice, roomId, 1, 'x')).toEqual([400, 'M_INVALID_PARAM'])
    const path = `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/timestamp_to_event`
    expect((await alice.request('GET', `${path}?dir=f`)).body.errcode).toBe('M_MISSING_PARAM')
    expect((await alice.request('GET', `${path}?dir=f&ts=soon`)).body.errcode).toBe('M_INVALID_PARAM')
  })
})

describe('what was said before this server was there', () => {
  test.each([5, 250])(
    'is found with the help of another one, %i messages ago, and can be read from there on',
    async (between) => {
      const { world, alice, bob } = await pair()
      const roomId = await createRoom(alice)
      await world.clock.advance(1000)
      const first = await say(alice, roomId, 'first')
      const morning = world.clock.now()
      await world.clock.advance(1000)
      const second = await say(alice, roomId, 'second')
      const noon = world.clock.now()
      await world.clock.advance(1000)
      for (let count = 0; count < between; count += 1) await say(alice, roomId, `later ${count}`)
      await joinVia(bob, roomId, 'a.test')
      await world.settled()
      expect(await found(bob, roomId, noon + 500, 'b')).toEqual([second, noon])
      expect(await found(bob, roomId, morning + 1, 'f')).toEqual([second, noon])
      const { start } = await ok(bob, 'GET', `${v3}/rooms/${roomId}/context/${encodeURIComponent(second)}?limit=0`)
      const { chunk } = await ok(bob, 'GET', `${v3}/rooms/${roomId}/messages?dir=b&limit=10&from=${start}`)
      expect(chunk[0].event_id).toBe(first)
    },
  )

  test('is not found where nobody can be asked, but what is known is', async () => {
    const { world, alice, bob } = await pair()
    const roomId = await createRoom(alice)
    await say(alice, roomId, 'first')
    await world.clock.advance(1000)
    await joinVia(bob, roomId, 'a.test')
    await world.settled()
    const noon = world.clock.now()
    world.network.cut('a.test')
    expect(await found(bob, roomId, noon - 500, 'b')).toEqual([404, 'M_NOT_FOUND'])
    expect((await found(bob, roomId, noon - 500, 'f'))[1]).toBe(noon)
  })
})
