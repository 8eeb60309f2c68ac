import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRoom, v3 } from '../rooms/kit.ts'
import { createWorld, type TestServer, type TestUser } from '../support/world.ts'
import { modelClient } from './model-client.ts'

const user = fc.nat({ max: 2 })
const room = fc.nat({ max: 1 })
const visibility = fc.constantFrom('shared', 'invited', 'joined', 'world_readable')
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('say' as const), user, room }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('state' as const), user, room, key: fc.nat({ max: 2 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('join' as const), user, room }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), user, room }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('invite', 'kick', 'ban', 'unban'), user, room, target: user }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('visibility' as const), user, room, visibility }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('sync' as const), user, limit: fc.constantFrom(0, 1, 2, 3, 10) }) },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never
type Action = Exclude<Step, { kind: 'sync' }>

let runs = 0
let transaction = 0

/** Carries out an action, or sees it refused. */
async function attempt(people: readonly TestUser[], rooms: readonly string[], action: Action): Promise<void> {
  const [who, roomId] = [people[action.user] as TestUser, rooms[action.room] as string]
  const path = `${v3}/rooms/${roomId}`
  transaction += 1
  const [method, rest, body] = requestOf(action)
  const { status } = await who.request(method, `${path}/${rest}`, body)
  expect([200, 403, 404]).toContain(status)

  function requestOf(wish: Action): [string, string, object] {
    switch (wish.kind) {
      case 'say':
        return ['PUT', `send/m.room.message/${transaction}`, { msgtype: 'm.text', body: `${transaction}` }]
      case 'state':
        return ['PUT', `state/org.test/${wish.key}`, { n: transaction }]
      case 'visibility':
        return ['PUT', 'state/m.room.history_visibility/', { history_visibility: wish.visibility }]
      case 'join':
      case 'leave':
        return ['POST', wish.kind, {}]
      default:
        return ['POST', wish.kind, { user_id: (people[wish.target] as TestUser).userId }]
    }
  }
}

async function setUp(server: TestServer, visibilities: readonly string[]) {
  runs += 1
  const people = await Promise.all(['x', 'y', 'z'].map((name) => server.register(`${name}${runs}`)))
  const rooms = await Promise.all(
    visibilities.map((history_visibility) =>
      createRoom(people[0] as TestUser, {
        preset: 'public_chat',
        initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility } }],
        power_level_content_override: { events: { 'org.test': 0, 'm.room.history_visibility': 0 } },
      }),
    ),
  )
  return { people, rooms }
}

test('a client that syncs now and then ends with what a first sync has', async () => {
  const world = await createWorld()
  const server = await world.server('a.test', { HAUSBOTE_PRESENCE: 'off' }, { passwordCost: { memory: 8, iterations: 1 } })
  const steps = fc.array(step, { minLength: 10, maxLength: 60, size: 'max' })
  await fc.assert(
    fc.asyncProperty(steps, fc.tuple(visibility, visibility), fc.boolean(), async (all, visibilities, stateAfter) => {
      const { people, rooms } = await setUp(server, visibilities)
      const clients = people.map((person) => modelClient(person, stateAfter))
      for (const one of all) {
        if (one.kind === 'sync') await clients[one.user]?.sync(one.limit)
        else await attempt(people, rooms, one)
      }
      for (const [index, client] of clients.entries()) {
        await client.sync(2)
        const fresh = modelClient(people[index] as TestUser, false)
        await fresh.sync(100)
        expect([...client.rooms.keys()].sort()).toEqual([...fresh.rooms.keys()].sort())
        for (const [roomId, expected] of fresh.rooms) {
          const found = client.rooms.get(roomId)
          expect(found?.membership).toBe(expected.membership)
          if (expected.membership === 'join') expect(found).toEqual(expected)
          // Of an earlier stay, or of an invitation, it may have been told less.
          else expect(expected.timeline).toEqual(expect.arrayContaining(found?.timeline ?? []))
        }
      }
    }),
    { numRuns: 40 },
  )
}, 120_000)
