import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { authorize } from '../../src/matrix/authorisation/authorize.ts'
import type { EventId } from '../../src/matrix/identifiers.ts'
import type { RoomVersion } from '../../src/matrix/room-versions.ts'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import { resolveState } from '../../src/matrix/state-resolution/resolve-state.ts'
import type { StateMap } from '../../src/matrix/state-resolution/state-map.ts'
import type { ForkedRoom, Side, StateDraft } from './forked-room.ts'
import { bob, cai, dee, foundRoom, joinRule, levels, membership, topic, usersOf } from './forked-room.ts'
import { ada } from './hand-made-room.ts'
import { stateOf } from './rooms-of-vectors.ts'
import { entriesOf, stateMapOf } from './state-maps.ts'

const sideCount = 3
const user = fc.constantFrom(ada, bob, cai, dee)

const action: fc.Arbitrary<(version: RoomVersion) => StateDraft> = fc.oneof(
  fc.tuple(user, user, fc.constantFrom('join', 'leave', 'ban', 'invite')).map(
    ([by, of, to]) =>
      () =>
        membership(of, to, by),
  ),
  fc.tuple(user, fc.constantFrom('join', 'leave')).map(
    ([of, to]) =>
      () =>
        membership(of, to),
  ),
  fc.tuple(user, fc.dictionary(fc.constantFrom(bob, cai, dee), fc.constantFrom(0, 50, 100))).map(([by, of]) => {
    return (version: RoomVersion) => levels(by, usersOf(version, of))
  }),
  fc.tuple(user, fc.constantFrom('public', 'invite')).map(
    ([by, rule]) =>
      () =>
        joinRule(by, rule),
  ),
  user.map((by) => () => topic(by)),
)

/** What somebody does on one side, or the other side whose state comes to this one. The few clock values make ties. */
const step = fc.record({
  side: fc.nat(sideCount - 1),
  at: fc.integer({ min: 100, max: 105 }),
  action: fc.option(action, { freq: 6 }),
  from: fc.nat(sideCount - 1),
})
const story = fc.array(step, { minLength: 4, maxLength: 40 })

/** A room that forked into sides, all of whose events passed where they were sent. */
function play(version: RoomVersion, steps: typeof story extends fc.Arbitrary<infer Value> ? Value : never) {
  const { room, base } = foundRoom(version)
  const sides: Side[] = Array.from({ length: sideCount }, () => base)
  for (const [index, { side, at, action: chosen, from }] of steps.entries()) {
    const now = sides[side]!
    if (!chosen) {
      sides[side] = sideOf(room, room.resolve(now, sides[from]!))
      continue
    }
    const event = room.make(now, `event ${index}`, { ...chosen(version), at })
    if (authorize(version, event, stateOf(now)).ok) sides[side] = room.add(now, event)
  }
  return { room, sides }
}

function sideOf(room: ForkedRoom, state: StateMap): Side {
  return entriesOf(state).map(([, , id]) => room.events.get(id)!)
}

/** Everything reachable by `auth_events`, `ids` included: the definition as it stands. */
function literalChain(room: ForkedRoom, ids: Iterable<string>): ReadonlySet<string> {
  const chain = new Set(ids)
  for (const id of chain) for (const cited of room.events.get(id)?.authEvents ?? []) chain.add(cited)
  return chain
}

/** The full conflicted set by its definitions as they stand, whatever they cost. */
function literalConflictedSet(room: ForkedRoom, sides: readonly Side[]): ReadonlySet<string> {
  const states = sides.map(stateMapOf)
  const chains = states.map((state) =>
    literalChain(
      room,
      entriesOf(state).map(([, , id]) => id),
    ),
  )
  const all = new Set(chains.flatMap((chain) => [...chain]))
  const conflicted = new Set<string>()
  for (const state of states) {
    for (const [type, key, id] of entriesOf(state)) {
      if (!states.every((other) => other.get(type)?.get(key) === id)) conflicted.add(id)
    }
  }
  const full = new Set(conflicted)
  for (const id of all) if (!chains.every((chain) => chain.has(id))) full.add(id)
  if (room.version.stateResolution !== 'v2.1') return full
  const below = literalChain(room, conflicted)
  for (const id of below) if ([...literalChain(room, [id])].some((one) => conflicted.has(one))) full.add(id)
  return full
}

const numRuns = 300

describe.each(['1', '2', '9', '11', '12'])('room version %s', (id) => {
  const version = roomVersions.get(id)!

  test('the order of the states and of their entries does not matter', () => {
    let conflicts = 0
    fc.assert(
      fc.property(story, fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), (steps, order) => {
        const { room, sides } = play(version, steps)
        const states = sides.map(stateMapOf)
        const expected = resolveState(version, states, room.lookup)
        const others = order.map((index) => new Map([...states[index]!].reverse()))
        expect(entriesOf(resolveState(version, others, room.lookup))).toEqual(entriesOf(expected))
        expect(entriesOf(resolveState(version, [...others, ...states], room.lookup))).toEqual(entriesOf(expected))
        if (expected !== states[0]) conflicts += 1
      }),
      { numRuns },
    )
    expect(conflicts).toBeGreaterThan(numRuns / 2)
  })

  test('equal states resolve to themselves', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const { room, sides } = play(version, steps)
        for (const side of sides) {
          const state = stateMapOf(side)
          expect(resolveState(version, [state, stateMapOf(side), new Map(state)], room.lookup)).toBe(state)
        }
      }),
      { numRuns },
    )
  })

  test('what all states have stays, and what is resolved comes from the states and their auth chains, at its own key', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const { room, sides } = play(version, steps)
        const states = sides.map(stateMapOf)
        const resolved = resolveState(version, states, room.lookup)
        const known = literalChain(
          room,
          states.flatMap((state) => entriesOf(state).map(([, , one]) => one)),
        )
        for (const [type, key, one] of entriesOf(resolved)) {
          expect(room.events.get(one)).toMatchObject({ type, stateKey: key })
          expect(known).toContain(one)
        }
        for (const [type, key, one] of entriesOf(states[0]!)) {
          const common = states.every((state) => state.get(type)?.get(key) === one)
          if (common) expect(resolved.get(type)?.get(key)).toBe(one)
        }
      }),
      { numRuns },
    )
  })

  if (id === '1') return

  test('the events tried are the full conflicted set, each after those of them that it cites among power events', () => {
    fc.assert(
      fc.property(story, (steps) => {
        const { room, sides } = play(version, steps)
        const { powerOrder, mainlineOrder } = room.steps(...sides)
        const tried = [...powerOrder, ...mainlineOrder].map(({ eventId }) => eventId)
        expect(new Set<string>(tried)).toEqual(literalConflictedSet(room, sides))
        expect(tried.length).toBe(new Set(tried).size)
        const place = new Map<EventId, number>(powerOrder.map(({ eventId }, index) => [eventId, index]))
        for (const [index, { authEvents }] of powerOrder.entries()) {
          for (const cited of authEvents) expect(place.get(cited) ?? -1).toBeLessThan(index)
        }
      }),
      { numRuns },
    )
  })
})
