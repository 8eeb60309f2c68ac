import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { selectAuthEvents } from '../../src/matrix/auth-events.ts'
import { authorize } from '../../src/matrix/authorisation/authorize.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { readPowerLevels } from '../../src/matrix/power-levels.ts'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import type { Draft } from './hand-made-room.ts'
import { ada, banned, chief, createEvent, invited, low, mod, pdu, peer, stateOfRoom, stranger, user } from './hand-made-room.ts'

const people = [ada, chief, mod, peer, low, user, invited, banned, stranger]
const person = fc.constantFrom(...people)
const level = fc.constantFrom(-1, 0, 10, 50, 51, 100)
const named = ['users_default', 'events_default', 'state_default', 'ban', 'kick', 'invite', 'redact'] as const
const types = ['m.room.power_levels', 'm.room.name', 'org.example.x']

const content = fc.record(
  {
    users: fc.dictionary(fc.constantFrom(chief, mod, peer, low, user), level),
    events: fc.dictionary(fc.constantFrom(...types), level),
    ...Object.fromEntries(named.map((name) => [name, level])),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>

const membership = fc.record({
  sender: person,
  stateKey: person,
  content: fc.record({ membership: fc.constantFrom('join', 'invite', 'leave', 'ban', 'knock') }),
}) as fc.Arbitrary<Draft>

const usersOf = ({ users = {} }: JsonObject) => users as Readonly<Record<string, number>>

describe.each(['1', '6', '9', '11', '12'])('room version %s', (id) => {
  const version = roomVersions.get(id)!
  const levelsOf = (levels: JsonObject) => {
    const event = pdu(version, { type: 'm.room.power_levels', stateKey: '', content: levels })
    return readPowerLevels(version, createEvent(version), event)
  }

  test('whoever changes power levels names nobody above the own level and leaves those on it or above it alone', () => {
    let allowedChanges = 0
    fc.assert(
      fc.property(person, content, content, (sender, before, after) => {
        const draft = { type: 'm.room.power_levels', stateKey: '', sender, content: after }
        if (!authorize(version, pdu(version, draft), stateOfRoom(version, { levels: before })).ok) return
        allowedChanges += 1
        const own = levelsOf(before).ofUser(sender)
        const [then, now] = [usersOf(before), usersOf(after)]
        for (const id of Object.keys({ ...then, ...now }).filter((someone) => then[someone] !== now[someone])) {
          expect(now[id] ?? Number.NEGATIVE_INFINITY).toBeLessThanOrEqual(own)
          if (id !== sender) expect(then[id] ?? Number.NEGATIVE_INFINITY).toBeLessThan(own)
        }
      }),
      { numRuns: 3_000 },
    )
    expect(allowedChanges).toBeGreaterThan(20)
  })

  test('nobody removes or bans a user who is not below', () => {
    fc.assert(
      fc.property(content, membership, (levels, draft) => {
        const event = pdu(version, { ...draft, type: 'm.room.member' })
        const isForce =
          event.content.membership === 'ban' || (event.content.membership === 'leave' && event.sender !== event.stateKey)
        if (!isForce || !authorize(version, event, stateOfRoom(version, { levels })).ok) return
        const { ofUser } = levelsOf(levels)
        expect(ofUser(event.stateKey!)).toBeLessThan(ofUser(event.sender))
      }),
      { numRuns: 2_000 },
    )
  })

  test('the banned can do nothing at all', () => {
    fc.assert(
      fc.property(
        content,
        fc.constantFrom(...types),
        fc.option(person, { nil: undefined }),
        membership,
        (levels, type, key, draft) => {
          const state = stateOfRoom(version, { levels, joinRule: 'public' })
          const send = pdu(version, { type, sender: banned, ...(key === undefined ? {} : { stateKey: key }) })
          const act = pdu(version, { ...draft, type: 'm.room.member', sender: banned })
          expect([authorize(version, send, state).ok, authorize(version, act, state).ok]).toEqual([false, false])
        },
      ),
    )
  })

  test('the selected auth events hold all that the rules look at', () => {
    fc.assert(
      fc.property(content, fc.constantFrom('invite', 'public', 'knock', 'restricted'), membership, (levels, joinRule, draft) => {
        const event = pdu(version, { ...draft, type: 'm.room.member' })
        const state = stateOfRoom(version, { levels, joinRule })
        const selected = new Set(selectAuthEvents(version, event).map((key) => JSON.stringify(key)))
        const narrowed = (type: string, key: string) =>
          type === 'm.room.create' || selected.has(JSON.stringify([type, key])) ? state(type, key) : undefined
        expect(authorize(version, event, narrowed)).toEqual(authorize(version, event, state))
      }),
      { numRuns: 1_000 },
    )
  })
})
