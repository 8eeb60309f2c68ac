import { describe, expect, test } from 'vitest'
import type { EventLookup } from '../../src/matrix/authorisation/check-auth-events.ts'
import type { EventId } from '../../src/matrix/identifiers.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import type { Pdu } from '../../src/matrix/pdu.ts'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import { rememberEvents } from '../../src/matrix/state-resolution/known-events.ts'
import { resolveState } from '../../src/matrix/state-resolution/resolve-state.ts'
import { resolveV2 } from '../../src/matrix/state-resolution/resolve-v2.ts'
import { divideStates } from '../../src/matrix/state-resolution/state-map.ts'
import { pdusOf } from './rooms-of-vectors.ts'
import { entriesOf, stateMapOf } from './state-maps.ts'
import { loadVectors } from './vectors.ts'

interface Case {
  readonly name: string
  readonly room_version: string
  readonly events: Readonly<Record<string, JsonObject>>
  readonly state_sets: readonly (readonly string[])[]
  readonly steps: { readonly power_order: readonly string[]; readonly mainline_order: readonly string[] }
  readonly expected: readonly (readonly [type: string, stateKey: string, eventId: string])[]
}

const { cases } = loadVectors<{ readonly cases: readonly Case[] }>('state-resolution')

const idsOf = (events: readonly Pdu[]) => events.map(({ eventId }) => eventId)
const reversed = <Value>(record: Readonly<Record<string, Value>>) => Object.fromEntries(Object.entries(record).reverse())

describe.each(cases)('$name', ({ room_version, events, state_sets, steps, expected }) => {
  const version = roomVersions.get(room_version)!
  const lookupIn = (pdus: ReadonlyMap<string, Pdu>): EventLookup => {
    return (id: EventId) => (pdus.has(id) ? { pdu: pdus.get(id)!, rejected: false } : undefined)
  }
  const pdus = pdusOf(events, version)
  const states = state_sets.map((ids) => stateMapOf(ids.map((id) => pdus.get(id)!)))

  test('resolves as expected', () => {
    expect(entriesOf(resolveState(version, states, lookupIn(pdus)))).toEqual(expected)
  })

  test('tries power events, then all others in the expected order', () => {
    const resolution = resolveV2(version, rememberEvents(version, lookupIn(pdus)), divideStates(states))
    expect(idsOf(resolution.powerOrder)).toEqual(steps.power_order)
    expect(idsOf(resolution.mainlineOrder)).toEqual(steps.mainline_order)
  })

  test('gives the same whatever the order of states, entries and events', () => {
    const others = pdusOf(reversed(events), version)
    for (const [turn] of state_sets.entries()) {
      const turned = [...state_sets.slice(turn), ...state_sets.slice(0, turn)]
      for (const sets of [turned, turned.toReversed()]) {
        const maps = sets.map((ids) => stateMapOf(ids.toReversed().map((id) => others.get(id)!)))
        expect(entriesOf(resolveState(version, maps, lookupIn(others)))).toEqual(expected)
      }
    }
  })
})
