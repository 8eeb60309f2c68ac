import type { StateLookup } from '../matrix/authorisation/scene.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Pdu } from '../matrix/pdu.ts'
import { type PowerLevels, readPowerLevels } from '../matrix/power-levels.ts'
import { type Position, type Reader, statement } from '../storage/handles.ts'
import { contentOf, eventAt, pduAt, versionOf } from './event-store.ts'
import type { Room } from './members.ts'
import { stateKeyNumber } from './state-keys.ts'
import { type Root, stateEntry } from './state-snapshots.ts'

const entry = statement<[number, string, string], Position>(
  'SELECT position FROM current_state WHERE room_nid = ? AND type = ? AND state_key = ?',
  'pluck',
)
const entries = statement<[number], Position>('SELECT position FROM current_state WHERE room_nid = ?', 'pluck')

/** Position of the event that the room's current state has for a type and state key. */
export function currentEntry(reader: Reader, nid: number, type: string, stateKey: string): Position | undefined {
  return entry(reader).get(nid, type, stateKey)
}

/** Positions of the whole current state. */
export function currentEntries(reader: Reader, nid: number): readonly Position[] {
  return entries(reader).all(nid)
}

export function currentStateContent(reader: Reader, nid: number, type: string, stateKey: string): JsonObject | undefined {
  const position = currentEntry(reader, nid, type, stateKey)
  return position === undefined ? undefined : contentOf(eventAt(reader, position))
}

/** The current state as the authorisation rules ask for it. */
export function currentLookup(reader: Reader, room: Room): StateLookup {
  const version = versionOf(room)
  return (type, stateKey) => {
    const position = currentEntry(reader, room.nid, type, stateKey)
    return position === undefined ? undefined : pduAt(reader, position, version)
  }
}

/** A past state: position of the event for a type and state key. */
export function entryAt(reader: Reader, root: Root, type: string, stateKey: string): Position | undefined {
  const key = stateKeyNumber(reader, type, stateKey)
  return key === undefined ? undefined : stateEntry(reader, root, key)
}

/** A past state's content for a type and state key. */
export function contentAt(reader: Reader, room: Room, root: Root, type: string, stateKey: string): JsonObject | undefined {
  const position = entryAt(reader, root, type, stateKey)
  return position === undefined ? undefined : pduAt(reader, position, versionOf(room)).content
}

export function createEventOf(reader: Reader, room: Room): Pdu {
  const create = currentLookup(reader, room)('m.room.create', '')
  if (!create) throw new Error(`room ${room.nid} has no create event`)
  return create
}

export function powerLevelsOf(reader: Reader, room: Room): PowerLevels {
  return readPowerLevels(versionOf(room), createEventOf(reader, room), currentLookup(reader, room)('m.room.power_levels', ''))
}
