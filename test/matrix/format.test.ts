import { describe, expect, test } from 'vitest'
import { checkFormat, maxEventBytes, toPdu } from '../../src/matrix/format.ts'
import { eventIdOf, withContentHash } from '../../src/matrix/hashes.ts'
import type { EventId } from '../../src/matrix/identifiers.ts'
import type { JsonObject, JsonValue } from '../../src/matrix/json.ts'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import { loadVectors } from './vectors.ts'

interface Case {
  readonly name: string
  readonly check: string
  readonly event: JsonObject
  readonly fill?: { key: string; with: string; times: number }
  readonly expected: string
}

interface File {
  readonly rooms: readonly { room_version: string; cases: readonly Case[] }[]
}

const version = (id: string) => roomVersions.get(id)!

function filled({ event, fill }: Case): JsonObject {
  if (!fill) return event
  return { ...event, content: { ...(event.content as JsonObject), [fill.key]: fill.with.repeat(fill.times) } }
}

describe('vectors', () => {
  const cases = loadVectors<File>('event-auth').rooms.flatMap((room) =>
    room.cases.filter(({ check }) => check === 'format').map((one) => ({ ...one, id: room.room_version })),
  )
  test('there are some', () => expect(cases.length).toBeGreaterThan(100))
  for (const one of cases) {
    test(`room version ${one.id}: ${one.name}`, () => {
      const problem = checkFormat(filled(one), version(one.id))
      expect(problem === undefined ? 'accept' : 'drop', problem).toBe(one.expected)
    })
  }
})

const id = (letter: string) => `$${letter.repeat(43)}`
const message: JsonObject = {
  type: 'm.room.message',
  sender: '@ada:a.test',
  room_id: '!r:a.test',
  content: { body: 'x' },
  origin_server_ts: 1,
  depth: 5,
  prev_events: [id('p')],
  auth_events: [id('a')],
  hashes: { sha256: 'x' },
  signatures: {},
}
const create: JsonObject = {
  type: 'm.room.create',
  state_key: '',
  sender: '@ada:a.test',
  content: { room_version: '12' },
  origin_server_ts: 1,
  depth: 1,
  prev_events: [],
  auth_events: [],
  hashes: { sha256: 'x' },
  signatures: {},
}

describe('problems name the field', () => {
  const cases: readonly [JsonObject, string, string][] = [
    [{ type: undefined } as JsonObject, '11', 'type: must be a string'],
    [{ sender: 'ada' }, '11', 'sender: must be a user id'],
    [{ room_id: 5 }, '11', 'room_id: must be a room id'],
    [{ content: [] }, '11', 'content: must be an object'],
    [{ unsigned: 'x' }, '11', 'unsigned: must be an object'],
    [{ depth: -1 }, '11', 'depth: must be an integer, not negative and not too large'],
    [{ depth: 2n ** 53n }, '11', 'depth: must be an integer, not negative and not too large'],
    [{ prev_events: [5] }, '11', 'prev_events: must name events'],
    [{ auth_events: [[id('a'), {}]] }, '3', 'auth_events: must name events'],
    [{ auth_events: Array.from({ length: 11 }, () => id('a')) }, '11', 'auth_events: more than 10 events'],
    [{ content: { a: { b: 1.5 } } }, '11', 'content.a.b: the number is not an integer'],
    [{ event_id: '$x' }, '2', 'event_id: must be an event id'],
    [{ room_id: `!${'c'.repeat(43)}`, auth_events: [id('c')] }, '12', 'auth_events: must not name the create event'],
  ]
  for (const [change, room, problem] of cases) {
    test(`room version ${room}: ${problem}`, () => expect(checkFormat({ ...message, ...change }, version(room))).toBe(problem))
  }

  test('size', () => {
    const body = 'x'.repeat(maxEventBytes)
    expect(checkFormat({ ...message, content: { body } }, version('11'))).toMatch(
      /^an event may have 65536 bytes, this one has 65\d{3}$/,
    )
  })
})

describe('what old room versions let through', () => {
  const odd = { ...message, depth: 2n ** 60n, content: { float: 1.5, big: 2n ** 70n } }

  test('floats and large integers up to version 5', () => {
    expect(checkFormat(odd, version('5'))).toBeUndefined()
    expect(toPdu(odd, version('5')).depth).toBe(Number.MAX_SAFE_INTEGER)
    expect(checkFormat(odd, version('6'))).toBeDefined()
  })

  test('references in pairs in versions 1 and 2', () => {
    const reference = (letter: string): JsonValue => [`$${letter}:a.test`, { sha256: 'x' }]
    const old = {
      ...message,
      event_id: '$e:a.test',
      prev_events: [reference('p'), reference('q')],
      auth_events: [reference('a')],
    }
    expect(checkFormat(old, version('1'))).toBeUndefined()
    expect(toPdu(old, version('1'))).toMatchObject({
      eventId: '$e:a.test',
      prevEvents: ['$p:a.test', '$q:a.test'],
      authEvents: ['$a:a.test'],
    })
    expect(checkFormat({ ...old, prev_events: [id('p')] }, version('1'))).toBe('prev_events: must name events')
  })
})

describe('toPdu', () => {
  test('views the event and keeps it as it is', () => {
    const pdu = toPdu(message, version('11'))
    expect(pdu.raw).toBe(message)
    expect(pdu).toEqual({
      eventId: eventIdOf(message, version('11')),
      roomId: '!r:a.test',
      type: 'm.room.message',
      sender: '@ada:a.test',
      stateKey: undefined,
      content: { body: 'x' },
      authEvents: [id('a')],
      prevEvents: [id('p')],
      depth: 5,
      originServerTs: 1,
      redacts: undefined,
      raw: message,
    })
  })

  test('takes an id that is known', () => {
    expect(toPdu(message, version('11'), id('k') as EventId).eventId).toBe(id('k'))
  })

  test('room version 12: the create event names the room', () => {
    const raw = withContentHash(create)
    expect(checkFormat(raw, version('12'))).toBeUndefined()
    const pdu = toPdu(raw, version('12'))
    expect(pdu.roomId).toBe(`!${pdu.eventId.slice(1)}`)
    expect(checkFormat(raw, version('11'))).toBe('room_id: must be a room id')
    expect(checkFormat({ ...raw, state_key: 'x' }, version('12'))).toBe('room_id: must be a room id')
  })

  test('the target of a redaction stands where the room version keeps it', () => {
    const redaction = { ...message, type: 'm.room.redaction', redacts: id('o'), content: { redacts: id('n') } }
    expect(toPdu(redaction, version('10')).redacts).toBe(id('o'))
    expect(toPdu(redaction, version('11')).redacts).toBe(id('n'))
    expect(toPdu({ ...redaction, type: 'm.room.message' }, version('11')).redacts).toBeUndefined()
    expect(toPdu({ ...redaction, redacts: 5 }, version('10')).redacts).toBeUndefined()
  })
})
