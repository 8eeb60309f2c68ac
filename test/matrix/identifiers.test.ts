import { describe, expect, test } from 'vitest'
import type { EventId, RoomId, ServerName, UserId } from '../../src/matrix/identifiers.ts'
import {
  createEventIdOf,
  isEventIdWithDomain,
  isEventIdWithoutDomain,
  isRoomIdWithoutDomain,
  localpartOf,
  makeEventId,
  makeRoomAlias,
  makeRoomId,
  makeUserId,
  parseDeviceId,
  parseEventId,
  parseMxcUri,
  parseRoomAlias,
  parseRoomId,
  parseServerName,
  parseUserId,
  roomIdOfCreateEvent,
  serverOf,
  splitServerName,
  userIdGrammar,
} from '../../src/matrix/identifiers.ts'
import { loadVectors } from './vectors.ts'

interface File {
  readonly cases: readonly { kind: string; text: string; expected: boolean | string }[]
}

const answers: Record<string, (text: string) => boolean | string> = {
  server: (text) => parseServerName(text) === text,
  user: (text) => {
    const id = parseUserId(text)
    return id ? userIdGrammar(id) : 'invalid'
  },
  alias: (text) => parseRoomAlias(text) === text,
  'room with domain': (text) => parseRoomId(text) === text && !isRoomIdWithoutDomain(text),
  'room without domain': (text) => parseRoomId(text) === text && isRoomIdWithoutDomain(text),
  'event with domain': (text) => parseEventId(text) === text && isEventIdWithDomain(text),
  'event without domain': (text) => parseEventId(text) === text && isEventIdWithoutDomain(text, 'url-safe'),
}

describe('vectors', () => {
  for (const { kind, text, expected } of loadVectors<File>('identifiers').cases) {
    test(`${kind} ${JSON.stringify(text).slice(0, 100)}`, () => {
      expect(answers[kind], `kind ${kind}`).toBeDefined()
      expect(answers[kind]!(text)).toBe(expected)
    })
  }
})

const server = 'praxis.example:8448' as ServerName

describe('parts', () => {
  test('of user ids and aliases', () => {
    expect(serverOf('@ada:praxis.example:8448' as UserId)).toBe('praxis.example:8448')
    expect(localpartOf('@ada:praxis.example:8448' as UserId)).toBe('ada')
    expect(localpartOf('@:[::1]:1' as UserId)).toBe('')
  })

  test('of room and event ids: a hash has no server', () => {
    expect(serverOf('!a:praxis.example' as RoomId)).toBe('praxis.example')
    expect(serverOf(`!${'x'.repeat(43)}` as RoomId)).toBeUndefined()
    expect(serverOf(`$${'x'.repeat(43)}` as EventId)).toBeUndefined()
  })

  const names: readonly [string, ReturnType<typeof splitServerName>][] = [
    ['praxis.example', { host: 'praxis.example', port: undefined, kind: 'dns' }],
    ['praxis.example:00080', { host: 'praxis.example', port: 80, kind: 'dns' }],
    ['192.0.2.1:8448', { host: '192.0.2.1', port: 8448, kind: 'ipv4' }],
    ['300.0.2.1', { host: '300.0.2.1', port: undefined, kind: 'dns' }],
    ['[2001:db8::1]', { host: '[2001:db8::1]', port: undefined, kind: 'ipv6' }],
    ['[::ffff:192.0.2.1]:1', { host: '[::ffff:192.0.2.1]', port: 1, kind: 'ipv6' }],
  ]
  for (const [name, parts] of names) test(`of ${name}`, () => expect(splitServerName(name as ServerName)).toEqual(parts))
})

describe('IPv6 literals (RFC 4291, 2.2)', () => {
  const good = ['1:2:3:4:5:6:7:8', '1::', '::8', '1::8', '1:2:3:4:5:6:7::', '1:2:3:4:5:6:192.0.2.1', '::192.0.2.1', 'ABCD::']
  const bad = [
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    '1:',
    ':1',
    '::1:',
    '192.0.2.1::',
    '::256.0.2.1',
    '::192.0.2',
    '1::2::3',
  ]
  for (const text of good) test(`[${text}]`, () => expect(parseServerName(`[${text}]`)).toBe(`[${text}]`))
  for (const text of bad) test(`not [${text}]`, () => expect(parseServerName(`[${text}]`)).toBeUndefined())
})

describe('makers', () => {
  test('user ids follow the grammar for registration', () => {
    expect(makeUserId('ada.b_c=d-e/f+g', server)).toBe('@ada.b_c=d-e/f+g:praxis.example:8448')
    for (const localpart of ['', 'Ada', 'a b', 'jäger', 'a:b', 'a'.repeat(255)])
      expect(makeUserId(localpart, server)).toBeUndefined()
  })

  test('aliases need a localpart and must not be too long', () => {
    expect(makeRoomAlias('Praxis für alle', server)).toBe('#Praxis für alle:praxis.example:8448')
    for (const localpart of ['', 'a:b', 'a\0b', 'ä'.repeat(120)]) expect(makeRoomAlias(localpart, server)).toBeUndefined()
  })

  test('room and event ids with domain', () => {
    expect(makeRoomId('abc', server)).toBe('!abc:praxis.example:8448')
    expect(makeEventId('abc', server)).toBe('$abc:praxis.example:8448')
  })

  test('a room named by its create event', () => {
    const create = `$${'x'.repeat(43)}` as EventId
    const room = roomIdOfCreateEvent(create)
    expect(parseRoomId(room)).toBe(`!${'x'.repeat(43)}`)
    expect(createEventIdOf(room)).toBe(create)
    expect(createEventIdOf('!a:praxis.example' as RoomId)).toBeUndefined()
  })
})

test('event ids of room version 3 use the standard alphabet', () => {
  const id = `$${'a+/'.repeat(14)}a`
  expect(parseEventId(id)).toBe(id)
  expect(isEventIdWithoutDomain(id, 'standard')).toBe(true)
  expect(isEventIdWithoutDomain(id, 'url-safe')).toBe(false)
})

test('device ids are opaque, but bounded', () => {
  for (const good of ['A', 'ÄÖ ü', 'x'.repeat(255)]) expect(parseDeviceId(good)).toBe(good)
  for (const bad of ['', 'x'.repeat(256), 'ä'.repeat(128), 'a\0b', '\ud800', 5, undefined])
    expect(parseDeviceId(bad)).toBeUndefined()
})

test('no parser takes what is no text', () => {
  for (const parse of [parseServerName, parseUserId, parseRoomId, parseEventId, parseRoomAlias, parseMxcUri]) {
    for (const value of [undefined, null, 5, {}, ['@a:b']]) expect(parse(value)).toBeUndefined()
  }
})

test('lone surrogates are in no identifier', () => {
  expect(parseUserId('@a\ud800:praxis.example')).toBeUndefined()
})

describe('mxc URIs', () => {
  test('are taken apart', () => {
    expect(parseMxcUri('mxc://praxis.example:8448/aB_-9')).toEqual({ server: 'praxis.example:8448', mediaId: 'aB_-9' })
  })
  const bad = [
    'mxc://praxis.example',
    'mxc://praxis.example/',
    'mxc:///a',
    'mxc://a/b/c',
    'mxc://a/..',
    'mxc://a/b?c',
    'http://a/b',
    'MXC://a/b',
    'mxc://a b/c',
    `mxc://a/${'x'.repeat(256)}`,
    'mxc://a/b\n',
  ]
  for (const text of bad) test(`not ${JSON.stringify(text).slice(0, 40)}`, () => expect(parseMxcUri(text)).toBeUndefined())
})
