import { describe, expect, test } from 'vitest'
import { selectAuthEvents } from '../../src/matrix/auth-events.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { roomVersions } from '../../src/matrix/room-versions.ts'
import { loadVectors } from './vectors.ts'

type Key = readonly [type: string, stateKey: string]

interface Case {
  readonly name: string
  readonly event: { readonly type: string; readonly sender: string; readonly state_key?: string; readonly content: JsonObject }
  readonly without?: readonly (readonly string[])[]
  readonly expected: readonly Key[]
}

interface File {
  readonly rooms: readonly { room_version: string; state: readonly (readonly string[])[]; cases: readonly Case[] }[]
}

const keyOf = (entry: readonly string[]) => JSON.stringify(entry.slice(0, 2))

for (const room of loadVectors<File>('auth-events-selection').rooms) {
  const version = roomVersions.get(room.room_version)!
  describe(`room version ${version.id}`, () => {
    for (const { name, event, without = [], expected } of room.cases) {
      test(name, () => {
        const missing = new Set(without.map(keyOf))
        const state = new Set(room.state.map(keyOf).filter((key) => !missing.has(key)))
        const selected = selectAuthEvents(version, { ...event, stateKey: event.state_key })
        const found = selected.map(keyOf).filter((key) => state.has(key))
        expect(found.sort()).toEqual(expected.map(keyOf).sort())
      })
    }
  })
}
