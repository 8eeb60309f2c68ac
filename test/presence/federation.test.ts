import { expect, test } from 'vitest'
import { sendEdus, signerOfServer } from '../federation/edus.ts'
import { joinVia } from '../rooms/federation-kit.ts'
import { createRoom, ok, refused, v3 } from '../rooms/kit.ts'
import { createWorld, federating, type TestUser } from '../support/world.ts'

const minute = 60_000

async function present(settings = { HAUSBOTE_PRESENCE: 'on' }) {
  const world = await createWorld()
  const cheap = { passwordCost: { memory: 8, iterations: 1 } }
  const a = await world.server('a.test', { ...federating, HAUSBOTE_PRESENCE: 'on' }, cheap)
  const b = await world.server('b.test', { ...federating, ...settings }, cheap)
  const [alice, bob] = [await a.register('alice'), await b.register('bob')]
  const roomId = await createRoom(alice)
  await joinVia(bob, roomId, 'a.test')
  await world.settled()
  return { world, a, b, alice, bob, roomId }
}

const set = (user: TestUser, presence: string, status_msg?: string) =>
  ok(user, 'PUT', `${v3}/presence/${encodeURIComponent(user.userId)}/status`, { presence, ...(status_msg && { status_msg }) })
const seenBy = (viewer: TestUser, userId: string) => ok(viewer, 'GET', `${v3}/presence/${encodeURIComponent(userId)}/status`)

test('presence is told to servers that share a room', async () => {
  const { world, alice, bob } = await present()
  await set(alice, 'online', 'in the practice')
  await world.settled()
  expect(await seenBy(bob, alice.userId)).toMatchObject({
    presence: 'online',
    status_msg: 'in the practice',
    currently_active: true,
  })
  const { presence } = await ok(bob, 'GET', `${v3}/sync`)
  expect(presence.events.map(({ sender }: { sender: string }) => sender)).toContain(alice.userId)
  await world.clock.advance(2000)
  await set(alice, 'unavailable')
  // Changes are told together, at most once a second.
  await world.clock.advance(1000)
  await world.settled()
  expect(await seenBy(bob, alice.userId)).toMatchObject({ presence: 'unavailable' })
})

test('whoever stays is told of again; whoever is not told of for long is away', async () => {
  const { world, alice, bob } = await present()
  const stay = async (minutes: number) => {
    for (let passed = 0; passed < minutes; passed += 4) {
      await set(alice, 'online')
      await world.clock.advance(4 * minute)
      await world.settled()
    }
  }
  await stay(60)
  expect((await seenBy(bob, alice.userId)).presence).toBe('online')
  world.network.cut('b.test')
  await stay(32)
  await world.settled()
  expect((await seenBy(bob, alice.userId)).presence).toBe('offline')
})

test('where presence is off, nothing is told and nothing is taken', async () => {
  const { world, a, b, alice, bob } = await present({ HAUSBOTE_PRESENCE: 'off' })
  await set(alice, 'online')
  await sendEdus(signerOfServer(a), b, [
    { edu_type: 'm.presence', content: { push: [{ user_id: alice.userId, presence: 'online', last_active_ago: 0 }] } },
  ])
  await world.settled()
  expect(await refused(bob, 'GET', `${v3}/presence/${encodeURIComponent(alice.userId)}/status`)).toEqual([404, 'M_UNRECOGNIZED'])
  expect((await ok(bob, 'GET', `${v3}/sync`)).presence).toBeUndefined()
})

test('a hostile server: presence of others, of strangers, of the wrong shape, and thousands', async () => {
  const { world, a, b, alice, bob } = await present()
  const signer = signerOfServer(b)
  const push = (...list: readonly unknown[]) => ({ edu_type: 'm.presence', content: { push: list } as never })
  const update = (more: object = {}) => ({ user_id: bob.userId, presence: 'online', last_active_ago: 5, ...more })
  await sendEdus(signer, a, [
    push(
      update({ user_id: alice.userId }),
      update({ user_id: '@x:c.test' }),
      update({ user_id: '@stranger:b.test' }),
      update({ user_id: 5 }),
    ),
    push(update({ presence: 'asleep' }), update({ presence: undefined }), null, 'text', []),
    { edu_type: 'm.presence', content: {} },
    { edu_type: 'm.presence', content: { push: 'text' } },
    push(...Array.from({ length: 3000 }, (_, n) => update({ user_id: n === 2999 ? bob.userId : `@u${n}:b.test` }))),
  ])
  await world.settled()
  const { presence } = await ok(alice, 'GET', `${v3}/sync`)
  const senders = (presence?.events ?? []).map(({ sender }: { sender: string }) => sender)
  expect(senders.filter((sender: string) => sender !== alice.userId)).toEqual([])
  await sendEdus(signer, a, [push(update({ status_msg: 'x'.repeat(2000), last_active_ago: -5 }))])
  await world.settled()
  expect(await seenBy(alice, bob.userId)).toEqual({ presence: 'online', last_active_ago: 0, currently_active: true })
})
