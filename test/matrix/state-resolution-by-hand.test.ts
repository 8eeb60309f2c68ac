import { describe, expect, test } from 'vitest'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import { conflictedStateSubgraph } from '../../src/matrix/state-resolution/auth-chains.ts'
import { rememberEvents } from '../../src/matrix/state-resolution/known-events.ts'
import { resolveConflicts, resolveState } from '../../src/matrix/state-resolution/resolve-state.ts'
import { bob, cai, createForkedRoom, dee, foundRoom, joinRule, levels, membership, topic, usersOf } from './forked-room.ts'
import { ada } from './hand-made-room.ts'
import { stateMapOf } from './state-maps.ts'

// Answers worked out from the text of the room versions, section "State resolution".

const versionOf = (id: string) => roomVersions.get(id)!
const idsOf = (events: readonly { readonly eventId: string }[]) => events.map(({ eventId }) => eventId)

describe.each(['2', '6', '11', '12'])('room version %s', (id) => {
  const version = versionOf(id)

  test('a ban by more power undoes power levels that the banned sent meanwhile, whatever the clock says', () => {
    const { room, base } = foundRoom(version)
    const banned = room.send(base, 'ban', { ...membership(cai, 'ban', bob), at: 900 })
    const changed = room.send(base, 'more', { ...levels(cai, usersOf(version, { [bob]: 100, [cai]: 50, [dee]: 10 })), at: 800 })
    const state = room.resolve(banned, changed)
    expect(state.get('m.room.member')?.get(cai)).toBe('$ban')
    expect(state.get('m.room.power_levels')?.get('')).toBe('$levels')
    const order = idsOf(room.steps(banned, changed).powerOrder)
    expect(order.indexOf('$ban')).toBeLessThan(order.indexOf('$more'))
  })

  test('of two topics the one on newer power levels holds, although its clock is behind', () => {
    const { room, base } = foundRoom(version)
    const newLevels = room.send(base, 'levels 2', levels(ada, usersOf(version, { [bob]: 100, [cai]: 51 })))
    const newer = room.send(newLevels, 'on new levels', { ...topic(bob), at: 100 })
    const older = room.send(base, 'on old levels', { ...topic(bob), at: 900 })
    expect(room.resolve(newer, older).get('m.room.topic')?.get('')).toBe('$on new levels')
    const topics = room.steps(newer, older).mainlineOrder.filter(({ type }) => type === 'm.room.topic')
    expect(idsOf(topics)).toEqual(['$on old levels', '$on new levels'])
  })

  test('at the same place of the mainline the later clock holds, on equal clocks the greater event id', () => {
    const { room, base } = foundRoom(version)
    const early = room.send(base, 'b', { ...topic(bob), at: 100 })
    const late = room.send(base, 'a', { ...topic(cai), at: 101 })
    const alsoLate = room.send(base, 'B', { ...topic(bob), at: 101 })
    expect(idsOf(room.steps(early, late, alsoLate).mainlineOrder)).toEqual(['$b', '$B', '$a'])
    expect(room.resolve(early, late, alsoLate).get('m.room.topic')?.get('')).toBe('$a')
    expect(room.resolve(early, alsoLate).get('m.room.topic')?.get('')).toBe('$B')
  })

  test('power events of equal power: first the earlier clock, on equal clocks the smaller event id', () => {
    const { room, base } = foundRoom(version)
    const changed = (name: string, level: number, at: number) => {
      return room.send(base, name, { ...levels(bob, usersOf(version, { [bob]: 100, [cai]: level })), at })
    }
    const sides = [changed('x', 10, 300), changed('z', 20, 200), changed('y', 30, 300)]
    const order = idsOf(room.steps(...sides).powerOrder).filter((name) => ['$x', '$y', '$z'].includes(name))
    expect(order).toEqual(['$z', '$x', '$y'])
    expect(
      room
        .resolve(...sides)
        .get('m.room.power_levels')
        ?.get(''),
    ).toBe('$y')
  })

  test('entries that only one side has are added, and the others stay', () => {
    const { room, base } = foundRoom(version)
    const named = room.send(base, 'name', { type: 'm.room.name', sender: cai, content: { name: 'x' } })
    const state = room.resolve(base, named)
    expect(state).toEqual(stateMapOf(named))
  })

  test('what all states have outlives other events for its key in the auth difference', () => {
    const { room, base } = foundRoom(version)
    const users = usersOf(version, { [bob]: 100, [cai]: 50, [dee]: 50 })
    const second = room.send(base, 'second', levels(ada, users))
    const third = room.make(base, 'third', { ...levels(ada, { ...users, [dee]: 0 }), at: 50 })
    // The topic stands on power levels that neither side has any more, and with them it passes.
    const withTopic = room.add(room.send(second, 'topic', topic(dee)), third)
    const without = room.add(base, third)
    const { powerOrder, mainlineOrder } = room.steps(withTopic, without)
    expect(idsOf(powerOrder)).toContain('$second')
    expect(idsOf(mainlineOrder)).toContain('$topic')
    const state = room.resolve(withTopic, without)
    expect(state.get('m.room.power_levels')?.get('')).toBe('$third')
    expect(state.get('m.room.topic')?.get('')).toBe('$topic')
  })

  test('a rejected event is tried like any other and holds where the state lets it', () => {
    const { room, base } = foundRoom(version)
    const joined = room.send(base, 'eve', membership('@eve:b.test', 'join'))
    room.reject('eve')
    expect(room.resolve(base, joined).get('m.room.member')?.get('@eve:b.test')).toBe('$eve')
  })

  test.each([
    { isRejected: false, holds: '$by cai' },
    { isRejected: true, holds: undefined },
  ])('an auth event fills a gap of the state unless it was rejected ($isRejected)', ({ isRejected, holds }) => {
    const { room, base } = foundRoom(version)
    const withTopic = room.send(base, 'by cai', topic(cai))
    if (isRejected) room.reject('cai')
    // Neither side knows cai as a member; only the auth events of the topic do, and they are in both chains through the avatar.
    const avatar = room.send(base, 'avatar', { ...topic(cai), type: 'm.room.avatar' })
    const withoutCai = avatar.filter(({ stateKey }) => stateKey !== cai)
    const added = withTopic.at(-1)!
    expect(
      room
        .resolve(withoutCai, [...withoutCai, added])
        .get('m.room.topic')
        ?.get(''),
    ).toBe(holds)
  })

  test('an event that stands on unknown events counts as citing nothing there', () => {
    const { room, base } = foundRoom(version)
    const cites = base.filter(
      ({ stateKey, type }) => stateKey === bob || type === 'm.room.create' || type === 'm.room.power_levels',
    )
    const authEvents = [...idsOf(cites).filter((one) => id !== '12' || one !== base[0]?.eventId), '$unknown']
    const strange = room.send(base, 'strange', { ...topic(bob), authEvents })
    expect(room.resolve(base, strange).get('m.room.topic')?.get('')).toBe('$strange')
  })

  test('auth chains of 20,000 events end without running out of stack', () => {
    const { room, base } = foundRoom(version)
    let side = base
    for (let count = 0; count < 20_000; count += 1) {
      const users = usersOf(version, { [bob]: 100, [cai]: count % 50 })
      const next = room.make(side, `levels ${count}`, { ...levels(bob, users), at: count })
      side = room.add(
        side.filter(({ type }) => type !== 'm.room.power_levels'),
        next,
      )
    }
    expect(room.resolve(base, side).get('m.room.power_levels')?.get('')).toBe('$levels 19999')
  })

  test('a conflicted event that is not known stops the resolution', () => {
    const { room, base } = foundRoom(version)
    const lost = [...base, room.make(base, 'lost', topic(bob))]
    expect(() => room.resolve(base, lost)).toThrow('$lost is in a state, but not known')
  })

  test('a resolution that needs too many events stops', () => {
    const { room, base } = foundRoom(version)
    const events = rememberEvents(version, room.lookup, 2)
    expect(() => base.map(({ eventId }) => events.get(eventId))).toThrow('more than 2 events')
  })
})

test('room version 11: the auth chain of a power event counts as far as it stays among the conflicted events', () => {
  const { room, base } = foundRoom(versionOf('11'))
  const kicked = room.send(base, 'kick', membership(dee, 'leave', bob))
  const renamed = room.send(base, 'rename', membership(ada, 'join'))
  // The kick stands on the power levels, which are not in conflict, and these on the membership that ada's new one replaces.
  const { powerOrder, mainlineOrder } = room.steps(kicked, renamed)
  expect(new Set(idsOf(powerOrder))).toEqual(new Set(['$dee', '$kick']))
  expect(idsOf(mainlineOrder)).toEqual(['$ada', '$rename'])
})

test('room version 2: events that cite each other are left out', () => {
  const { room, base } = foundRoom(versionOf('2'))
  const create = base[0]!.eventId
  const changed = (name: string, other: string) => {
    return room.send(base, name, { ...levels(ada, { [ada]: 100 }), authEvents: [create, '$ada', `$${other}`] })
  }
  const [left, right] = [changed('left', 'right'), changed('right', 'left')]
  const withTopic = room.send(left, 'topic', topic(ada))
  const state = room.resolve(withTopic, right)
  expect(state.get('m.room.power_levels')).toBeUndefined()
  expect(state.get('m.room.topic')?.get('')).toBe('$topic')
})

describe('what room version 12 changes', () => {
  const states = (id: string) => {
    const { room, base } = foundRoom(versionOf(id))
    const closed = room.send(base, 'closed', joinRule(bob, 'invite'))
    const open = room.send(closed, 'open', joinRule(bob, 'public'))
    const left = room.send(open, 'bob leaves', membership(bob, 'leave'))
    return { room, now: left, outdated: left.filter(({ eventId }) => eventId !== '$open') }
  }

  test('resolution starts from nothing, so that join rules survive that their sender left', () => {
    const { room, now, outdated } = states('12')
    expect(room.resolve(now, outdated).get('m.room.join_rules')?.get('')).toBe('$open')
  })

  test('before, they are lost', () => {
    const { room, now, outdated } = states('11')
    expect(room.resolve(now, outdated).get('m.room.join_rules')).toBeUndefined()
  })

  const oldLevels = (id: string) => {
    const version = versionOf(id)
    const { room, base } = foundRoom(version)
    const second = room.send(base, 'second', levels(bob, usersOf(version, { [bob]: 100, [cai]: 80 })))
    const third = room.send(second, 'third', levels(cai, usersOf(version, { [bob]: 100, [cai]: 80, [dee]: 60 })))
    const now = room.send(third, 'topic', topic(dee))
    const outdated = now.filter(({ eventId }) => eventId !== '$second' && eventId !== '$third')
    return room.steps(now, outdated)
  }

  test('power levels between two conflicted ones are replayed although all auth chains have them', () => {
    const { resolved, powerOrder } = oldLevels('12')
    // The ways from third down to levels: by second, by both senders' joins and by the join rules that these cite.
    expect(new Set(idsOf(powerOrder))).toEqual(new Set(['$levels', '$public', '$bob', '$cai', '$second', '$third']))
    expect(idsOf(resolved)).toContain('$third')
  })

  test('before, the newest fail on the oldest, which takes their place', () => {
    const { resolved, powerOrder } = oldLevels('11')
    expect(idsOf(powerOrder)).toEqual(['$levels', '$third'])
    expect(idsOf(resolved)).toEqual(['$levels'])
  })

  test('the conflicted state subgraph has the ways between conflicted events and nothing beside or below them', () => {
    const version = versionOf('12')
    const room = createForkedRoom(version)
    const cite = (name: string, ...names: string[]) => {
      return room.send([], name, { ...topic(ada), authEvents: names.map((one) => `$${one}`) })[0]!
    }
    cite('bottom')
    const [low, lone] = [cite('low', 'bottom'), cite('lone', 'bottom')]
    cite('way 1', 'low')
    cite('way 2', 'way 1', 'bottom')
    cite('beside', 'bottom')
    cite('other way', 'low')
    const high = cite('high', 'way 2', 'other way', 'beside')
    cite('above', 'high', 'low')
    const subgraph = conflictedStateSubgraph(rememberEvents(version, room.lookup), new Set([low, lone, high]))
    expect(new Set(subgraph)).toEqual(new Set(['$low', '$lone', '$high', '$way 1', '$way 2', '$other way']))
  })
})

describe('room version 1', () => {
  const version = versionOf('1')

  test('power levels: by depth, each replaces the one before as long as it passes', () => {
    const { room, base } = foundRoom(version)
    const first = room.send(base, 'first', { ...levels(ada, { [ada]: 100, [bob]: 100, [cai]: 10 }), depth: 10 })
    const fails = room.send(base, 'fails', { ...levels(cai, { [ada]: 100, [bob]: 100, [cai]: 50 }), depth: 20 })
    const never = room.send(base, 'never', { ...levels(ada, { [ada]: 100, [bob]: 100 }), depth: 30 })
    expect(room.resolve(first, fails, never).get('m.room.power_levels')?.get('')).toBe('$first')
    expect(room.resolve(first, never).get('m.room.power_levels')?.get('')).toBe('$never')
  })

  test('other state: the deepest that passes, of equal depth the one whose id has the lower hash', () => {
    const { room, base } = foundRoom(version)
    const low = room.send(base, 'low', { ...topic(bob), depth: 10 })
    const high = room.send(base, 'high', { ...topic(bob), depth: 11 })
    const fails = room.send(base, 'fails', { ...topic(dee), depth: 12 })
    expect(room.resolve(low, high, fails).get('m.room.topic')?.get('')).toBe('$high')
    // sha1('$p') = fc23…, sha1('$q') = 23f3…
    const [p, q] = [room.send(base, 'p', { ...topic(bob), depth: 9 }), room.send(base, 'q', { ...topic(bob), depth: 9 })]
    expect(room.resolve(p, q).get('m.room.topic')?.get('')).toBe('$q')
  })

  test('join rules are settled before members, members before all other state', () => {
    const { room, base } = foundRoom(version)
    const closed = room.send(base, 'closed', { ...joinRule(ada, 'invite'), depth: 20 })
    const kicked = room.send(closed, 'kick', { ...membership(cai, 'leave', bob), depth: 21 })
    const renamed = room.send(base, 'rename', { ...membership(cai, 'join'), depth: 30 })
    const open = room.send(renamed, 'open', { ...joinRule(ada, 'public'), depth: 10 })
    const withTopic = room.send(open, 'topic', { ...topic(cai), depth: 31 })
    const otherTopic = room.send(kicked, 'other', { ...topic(bob), depth: 22 })
    const state = room.resolve(otherTopic, withTopic)
    expect(state.get('m.room.join_rules')?.get('')).toBe('$closed')
    expect(state.get('m.room.member')?.get(cai)).toBe('$kick')
    expect(state.get('m.room.topic')?.get('')).toBe('$other')
  })

  test('what was settled before is what the next are judged by', () => {
    const { room, base } = foundRoom(version)
    const closed = room.send(base, 'closed', { ...joinRule(ada, 'invite'), depth: 10 })
    const kicked = room.send(closed, 'kick', { ...membership(cai, 'leave', bob), depth: 11 })
    const otherTopic = room.send(kicked, 'other', { ...topic(bob), depth: 12 })
    const open = room.send(base, 'open', { ...joinRule(ada, 'public'), depth: 20 })
    const renamed = room.send(open, 'rename', { ...membership(cai, 'join'), depth: 21 })
    const withTopic = room.send(renamed, 'topic', { ...topic(cai), depth: 22 })
    const state = room.resolve(otherTopic, withTopic)
    expect(state.get('m.room.join_rules')?.get('')).toBe('$open')
    expect(state.get('m.room.member')?.get(cai)).toBe('$rename')
    expect(state.get('m.room.topic')?.get('')).toBe('$topic')
  })

  test('what only one state has is no conflict', () => {
    const { room, base } = foundRoom(version)
    // dee may not set topics: nobody asks.
    const withTopic = room.send(base, 'topic', topic(dee))
    expect(room.resolve(base, withTopic)).toEqual(stateMapOf(withTopic))
  })

  test('if none passes, the one of lowest depth stays', () => {
    const { room, base } = foundRoom(version)
    const low = room.send(base, 'low', { ...topic(dee), depth: 10 })
    const high = room.send(base, 'high', { ...topic(dee), depth: 11 })
    expect(room.resolve(low, high).get('m.room.topic')?.get('')).toBe('$low')
  })
})

describe('what a resolution reads', () => {
  test.each(['11', '12'])('room version %s: not the members that the sides have in common', (id) => {
    const { room, base } = foundRoom(versionOf(id))
    let common = base
    for (let count = 0; count < 100; count += 1) common = room.send(common, `m${count}`, membership(`@m${count}:b.test`, 'join'))
    const left = room.send(common, 'left', membership('@left:b.test', 'join'))
    const right = room.send(common, 'right', { ...topic(bob) })
    const asked = new Set<string>()
    const states = [left, right].map(stateMapOf)
    const state = resolveState(room.version, states, (one) => {
      asked.add(one)
      return room.lookup(one)
    })
    expect(state.get('m.room.member')?.size).toBe(105)
    expect([...asked].filter((one) => one.startsWith('$m'))).toEqual([])
  })

  test('the common entries that may be older than what matters can be left out by who knows', () => {
    const { room, base } = foundRoom(versionOf('11'))
    const left = room.send(base, 'left', membership('@left:b.test', 'join'))
    const again = room.send(left, 'again', membership('@left:b.test', 'leave'))
    const conflicted = [idsOf(again.slice(-1)), []] as never
    const asked: ReadonlySet<string>[] = []
    const get = (type: string, key: string) => base.findLast((one) => one.type === type && one.stateKey === key)?.eventId
    const ids = (wanted: ReadonlySet<string>) => {
      asked.push(new Set(wanted))
      return []
    }
    const held = resolveConflicts(room.version, { unconflicted: { get, ids }, conflicted }, room.lookup)
    expect(idsOf(held)).toEqual(['$again'])
    expect(asked).toEqual([new Set(['$left'])])
  })
})

describe('states', () => {
  const { room, base } = foundRoom(versionOf('12'))

  test('no state resolves to the empty one, one to itself', () => {
    const state = stateMapOf(base)
    expect(resolveState(room.version, [], room.lookup).size).toBe(0)
    expect(resolveState(room.version, [state], room.lookup)).toBe(state)
  })

  test('types without a conflict are shared with the first state, and no state is changed', () => {
    const [a, b] = [room.send(base, 'one', topic(bob)), room.send(base, 'two', topic(bob))].map(stateMapOf)
    const result = resolveState(room.version, [a!, b!], room.lookup)
    expect(result.get('m.room.member')).toBe(a?.get('m.room.member'))
    expect(result.get('m.room.topic')?.get('')).toBe('$two')
    expect(a?.get('m.room.topic')?.get('')).toBe('$one')
  })
})
