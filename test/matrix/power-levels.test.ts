import { describe, expect, test } from 'vitest'
import type { JsonObject, JsonValue } from '../../src/matrix/json.ts'
import { JsonFloat } from '../../src/matrix/json.ts'
import { readLevel, readPowerLevels } from '../../src/matrix/power-levels.ts'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import { ada, createEvent, low, pdu, user } from './hand-made-room.ts'

const read = (id: string, content?: JsonObject, create: JsonObject = {}) => {
  const version = roomVersions.get(id)!
  const event = content && pdu(version, { type: 'm.room.power_levels', stateKey: '', content })
  return readPowerLevels(version, createEvent(version, create), event)
}

describe('levels as they are written', () => {
  const cases: readonly [JsonValue, old: number | undefined, since10: number | undefined][] = [
    [50, 50, 50],
    [-3, -3, -3],
    [50.9, 50, undefined],
    [-50.9, -50, undefined],
    [new JsonFloat(50), 50, undefined],
    [12n, 12, undefined],
    ['50', 50, undefined],
    ['\t+0050 ', 50, undefined],
    ['-5', -5, undefined],
    ['5 0', undefined, undefined],
    ['5.0', undefined, undefined],
    ['5e1', undefined, undefined],
    ['0x10', undefined, undefined],
    ['', undefined, undefined],
    ['9'.repeat(400), undefined, undefined],
    [Number.POSITIVE_INFINITY, undefined, undefined],
    [true, undefined, undefined],
    [null, undefined, undefined],
    [[5], undefined, undefined],
  ]
  for (const [value, old, since10] of cases) {
    const title = typeof value === 'bigint' ? `${value}n` : JSON.stringify(value).slice(0, 20)
    test(title, () => {
      expect(readLevel(roomVersions.get('9')!, value)).toBe(old)
      expect(readLevel(roomVersions.get('10')!, value)).toBe(since10)
    })
  }
})

describe('defaults', () => {
  const expected = { ban: 50, kick: 50, redact: 50, invite: 0 }
  test.each([['1'], ['11'], ['12']])('room version %s', (id) => {
    for (const content of [undefined, {}]) {
      const levels = read(id, content)
      expect(levels).toMatchObject(expected)
      expect(levels.notifications.room).toBe(50)
      expect(levels.forEvent('m.room.name', true)).toBe(50)
      expect(levels.forEvent('m.room.message', false)).toBe(0)
      expect(levels.ofUser(user)).toBe(0)
    }
  })
  test.each([
    ['1', 100, 0],
    ['11', 100, 0],
    ['12', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  ])('room version %s: the creator has %d, with power levels %d', (id, without, having) => {
    expect(read(id).ofUser(ada)).toBe(without)
    expect(read(id, {}).ofUser(ada)).toBe(having)
  })
  test('the creator is the sender of the create event since version 11', () => {
    expect(read('10', undefined, { creator: low }).ofUser(low)).toBe(100)
    expect(read('11', undefined, { creator: low }).ofUser(low)).toBe(0)
  })
  test('additional creators', () => {
    expect(read('12', {}, { additional_creators: [low] }).ofUser(low)).toBe(Number.POSITIVE_INFINITY)
    expect(read('11', undefined, { additional_creators: [low] }).ofUser(low)).toBe(0)
  })
})

test('what the content says', () => {
  const levels = read('12', {
    users: { [low]: 10 },
    users_default: 5,
    events: { 'm.room.name': 30, constructor: 7 },
    state_default: 40,
    events_default: 3,
    notifications: { room: 20, org: 60 },
    kick: 1,
  })
  expect([levels.ofUser(low), levels.ofUser(user)]).toEqual([10, 5])
  expect(['m.room.name', 'm.room.topic', 'constructor'].map((type) => levels.forEvent(type, true))).toEqual([30, 40, 7])
  expect([levels.forEvent('m.room.message', false), levels.kick, levels.notifications.room]).toEqual([3, 1, 20])
  expect(['org', 'other', 'toString'].map(levels.forNotification)).toEqual([60, 50, 50])
})

test('malformed parts count as missing', () => {
  const levels = read('12', { users: [5], events: 'x', ban: '50', users_default: null, notifications: 5 })
  expect([levels.ofUser(user), levels.forEvent('x', true), levels.ban, levels.notifications.room]).toEqual([0, 50, 50, 50])
})
