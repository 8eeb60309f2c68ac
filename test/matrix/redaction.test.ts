import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../src/matrix/canonical-json.ts'
import { eventIdOf } from '../../src/matrix/hashes.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { redact } from '../../src/matrix/redaction.ts'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import { jsonObject, jsonValue, reversed } from './json-arbitrary.ts'
import { loadVectors } from './vectors.ts'

interface File {
  readonly cases: readonly {
    name: string
    event: JsonObject
    expected: readonly { room_versions: readonly string[]; event: JsonObject }[]
  }[]
}

describe('vectors', () => {
  for (const { name, event, expected } of loadVectors<File>('redaction').cases) {
    for (const { room_versions, event: redacted } of expected) {
      for (const id of room_versions) {
        test(`room version ${id}: ${name}`, () => {
          const before = JSON.stringify(event)
          expect(canonicalJson(redact(event, roomVersions.get(id)!))).toBe(canonicalJson(redacted))
          expect(JSON.stringify(event)).toBe(before)
        })
      }
    }
  }
})

describe('properties', () => {
  const types = [
    'm.room.member',
    'm.room.create',
    'm.room.join_rules',
    'm.room.power_levels',
    'm.room.aliases',
    'm.room.history_visibility',
    'm.room.redaction',
    'm.room.message',
  ]
  const content = fc.record(
    {
      membership: jsonValue,
      third_party_invite: fc.oneof(jsonValue, fc.record({ signed: jsonValue, display_name: fc.string() })),
      join_authorised_via_users_server: jsonValue,
      creator: jsonValue,
      join_rule: jsonValue,
      allow: jsonValue,
      users: jsonValue,
      invite: jsonValue,
      aliases: jsonValue,
      redacts: jsonValue,
      body: jsonValue,
    },
    { requiredKeys: [] },
  )
  const event = fc.tuple(fc.constantFrom(...types), fc.oneof(content, jsonValue), jsonObject).map(
    ([type, body, rest]): JsonObject => ({
      ...rest,
      type,
      content: body as JsonObject,
      origin: 'a',
      unsigned: { age: 1 },
      event_id: '$a:b',
    }),
  )
  const version = fc.constantFrom(...roomVersions.values())

  test('redacting twice is redacting once', () => {
    fc.assert(
      fc.property(event, version, (raw, rules) => {
        const once = redact(raw, rules)
        expect(redact(once, rules)).toEqual(once)
        expect(once).not.toHaveProperty('unsigned')
      }),
    )
  })

  test('the event id survives redaction and does not depend on the order of keys', () => {
    fc.assert(
      fc.property(event, version, (raw, rules) => {
        const id = eventIdOf(raw, rules)
        expect(eventIdOf(redact(raw, rules), rules)).toBe(id)
        expect(eventIdOf(reversed(raw) as JsonObject, rules)).toBe(id)
      }),
    )
  })
})
