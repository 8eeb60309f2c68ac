import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createWorld, type TestServer, type TestUser } from '../support/world.ts'
import { expectAgreement, federatingServer, joinVia } from './federation-kit.ts'
import { createRoom, v3 } from './kit.ts'

const names = ['a.test', 'b.test', 'c.test', 'd.test', 'e.test']
const minute = 60_000

type Step =
  | { readonly kind: 'say' | 'topic' | 'name' | 'rules' | 'leave' | 'join'; readonly who: number }
  | { readonly kind: 'kick' | 'ban' | 'unban' | 'promote'; readonly who: number; readonly whom: number }
  /** Servers of different bits do not hear each other. */
  | { readonly kind: 'divide'; readonly sides: number }
  | { readonly kind: 'heal' }
  | { readonly kind: 'disturb'; readonly seed: number }
  | { readonly kind: 'wait'; readonly minutes: number }

const person = fc.nat(names.length - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('say' as const), who: person }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom('topic', 'name', 'rules', 'leave', 'join'), who: person }) as fc.Arbitrary<Step>,
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('kick', 'ban', 'unban', 'promote'),
      who: person,
      whom: person,
    }) as fc.Arbitrary<Step>,
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('divide' as const), sides: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('disturb' as const), seed: fc.nat() }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'heal' } as const) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 200 }) }) },
)

/** Carries out what a person wants; whether the server lets it happen is the room's business. */
async function attempt(people: readonly TestUser[], roomId: string, one: Step, count: number): Promise<void> {
  const user = 'who' in one ? people[one.who] : undefined
  const other = 'whom' in one ? people[one.whom] : undefined
  if (!user) return
  const put = (type: string, content: object) => user.request('PUT', `${v3}/rooms/${roomId}/state/${type}/`, content)
  switch (one.kind) {
    case 'say':
      await user.request('PUT', `${v3}/rooms/${roomId}/send/m.room.message/s${count}`, { msgtype: 'm.text', body: `${count}` })
      return
    case 'topic':
      await put('m.room.topic', { topic: `${count}` })
      return
    case 'name':
      await put('m.room.name', { name: `${count}` })
      return
    case 'rules':
      await put('m.room.join_rules', { join_rule: count % 3 === 0 ? 'invite' : 'public' })
      return
    case 'leave':
      await user.request('POST', `${v3}/rooms/${roomId}/leave`, {})
      return
    case 'join':
      await user.request('POST', `${v3}/join/${encodeURIComponent(roomId)}?via=a.test&via=b.test`, {})
      return
    case 'promote': {
      const answer = await user.request('GET', `${v3}/rooms/${roomId}/state/m.room.power_levels/`)
      if (answer.status === 200 && other) {
        await put('m.room.power_levels', { ...answer.body, users: { ...answer.body.users, [other.userId]: 50 } })
      }
      return
    }
    default:
      if (other) await user.request('POST', `${v3}/rooms/${roomId}/${one.kind}`, { user_id: other.userId })
  }
}

test.each(['10', '12'])(
  'five servers that heard each other badly agree on a room of version %s in the end',
  { timeout: 240_000 },
  async (version) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        const world = await createWorld()
        const servers: TestServer[] = []
        for (const name of names) servers.push(await federatingServer(world, name))
        const people = await Promise.all(servers.map((server, index) => server.register(`person${index}`)))
        const [alice, ...others] = people as [TestUser, ...TestUser[]]
        const roomId = await createRoom(alice, { preset: 'public_chat', room_version: version })
        for (const user of others) expect((await joinVia(user, roomId, 'a.test')).status).toBe(200)
        await world.settled()
        const heal = () => world.network.disturb(() => 'arrives')
        for (const [count, one] of steps.entries()) {
          if (one.kind === 'divide') {
            const side = (server: string | undefined) => (one.sides >> names.indexOf(server ?? '')) & 1
            world.network.disturb((from, to) => (from === undefined || side(from) === side(to) ? 'arrives' : 'lost'))
          } else if (one.kind === 'disturb') {
            let state = one.seed
            world.network.disturb(() => {
              state = (Math.imul(state, 1664525) + 1013904223) >>> 0
              return (['arrives', 'unanswered', 'twice', 'lost'] as const)[state >>> 30] ?? 'arrives'
            })
          } else if (one.kind === 'heal') heal()
          else if (one.kind === 'wait') await world.clock.advance(one.minutes * minute)
          else await attempt(people, roomId, one, count)
          if (count % 3 === 0) await world.settled()
        }
        heal()
        // Whoever gave up on another tries again within two hours.
        for (let round = 0; round < 3; round += 1) {
          await world.clock.advance(61 * minute)
          await world.settled()
        }
        // One more event of each who may shows what all that came before has led to.
        for (const [index, user] of people.entries()) {
          await user.request('PUT', `${v3}/rooms/${roomId}/send/m.room.message/end${index}`, { msgtype: 'm.text', body: 'end' })
          await world.settled()
        }
        const present = await Promise.all(
          people.map(async (user) => (await user.request('GET', `${v3}/joined_rooms`)).body.joined_rooms.includes(roomId)),
        )
        await expectAgreement(
          roomId,
          people.filter((_, index) => present[index]),
        )
      }),
      { numRuns: Number(process.env.HAUSBOTE_WORLDS ?? 8), endOnFailure: true },
    )
  },
)
