import { describe, expect, test } from 'vitest'
import { authorize } from '../../src/matrix/authorisation/authorize.ts'
import type { EventLookup } from '../../src/matrix/authorisation/check-auth-events.ts'
import { checkAuthEvents } from '../../src/matrix/authorisation/check-auth-events.ts'
import { toPdu } from '../../src/matrix/format.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { judge } from '../../src/matrix/judge.ts'
import type { Pdu } from '../../src/matrix/pdu.ts'
import type { RoomVersion } from '../../src/matrix/room-versions.ts'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import type { Verdict } from '../../src/matrix/verdict.ts'
import { pdusOf, stateOf } from './rooms-of-vectors.ts'
import { loadVectors } from './vectors.ts'

interface Case {
  readonly name: string
  readonly check: 'format' | 'auth_events' | 'state' | 'receipt'
  readonly event: JsonObject
  readonly known?: readonly string[]
  readonly rejected?: readonly string[]
  readonly state?: readonly string[]
  readonly state_before?: readonly string[]
  readonly current_state?: readonly string[]
  readonly rule?: string
  readonly expected: string
}

interface File {
  readonly rooms: readonly { room_version: string; events: Record<string, JsonObject>; cases: readonly Case[] }[]
}

type Events = ReadonlyMap<string, Pdu>

const state = (events: Events, ids: readonly string[] = []) => stateOf(ids.map((id) => events.get(id)!))

function lookup(events: Events, { known = [], rejected = [] }: Case): EventLookup {
  return (id) => (known.includes(id) ? { pdu: events.get(id)!, rejected: rejected.includes(id) } : undefined)
}

function expectVerdict(verdict: Verdict, { expected, rule }: Case): void {
  expect(verdict.ok ? 'allow' : 'reject', verdict.ok ? '' : `${verdict.rule} ${verdict.reason}`).toBe(expected)
  if (!verdict.ok) expect(verdict.rule).toBe(rule)
}

function check(version: RoomVersion, events: Events, one: Case): void {
  const event = toPdu(one.event, version)
  if (one.check === 'auth_events') return expectVerdict(checkAuthEvents(version, event, lookup(events, one)), one)
  if (one.check === 'state') return expectVerdict(authorize(version, event, state(events, one.state)), one)
  const judgement = judge(version, event, {
    authEvents: lookup(events, one),
    stateBefore: state(events, one.state_before),
    currentState: state(events, one.current_state),
  })
  expect(judgement.outcome).toBe(one.expected)
}

for (const room of loadVectors<File>('event-auth').rooms) {
  const version = roomVersions.get(room.room_version)!
  const events = pdusOf(room.events, version)
  const cases = room.cases.filter((one) => one.check !== 'format')
  describe(`room version ${version.id}`, () => {
    for (const one of cases)
      test(`${one.check}, ${one.rule ? `rule ${one.rule}: ` : ''}${one.name}`, () => check(version, events, one))
  })
}
