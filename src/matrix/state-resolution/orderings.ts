import type { EventId } from '../identifiers.ts'
import type { Pdu } from '../pdu.ts'
import { readPowerLevels } from '../power-levels.ts'
import type { RoomVersion } from '../room-versions.ts'
import { createHeap } from './heap.ts'
import type { KnownEvents, StateEvent } from './known-events.ts'

/**
 * Room versions, "Reverse topological power ordering", by Kahn's algorithm: auth events first, among those that may come next the one whose
 * sender has most power. A way through events outside of the set orders nothing. Events that stand on a circle of auth events (room
 * version 2, where ids are no hashes) can never have been valid and are left out.
 */
export function reverseTopologicalPowerOrdering(
  version: RoomVersion,
  events: KnownEvents,
  set: Iterable<StateEvent>,
): readonly StateEvent[] {
  const ranked = new Map([...set].map((event) => [event.eventId, { event, level: senderLevel(version, events, event) }]))
  type Ranked = { readonly event: StateEvent; readonly level: number }
  const waitingFor = new Map<EventId, number>()
  const citing = new Map<EventId, Ranked[]>()
  const next = createHeap<Ranked>((a, b) => compareNumbers(b.level, a.level) || byAge(a.event, b.event))
  for (const entry of ranked.values()) {
    const cited = new Set(entry.event.authEvents.filter((id) => ranked.has(id)))
    waitingFor.set(entry.event.eventId, cited.size)
    for (const id of cited) {
      const list = citing.get(id)
      if (list) list.push(entry)
      else citing.set(id, [entry])
    }
    if (cited.size === 0) next.push(entry)
  }
  const ordered: StateEvent[] = []
  for (let entry = next.pop(); entry; entry = next.pop()) {
    ordered.push(entry.event)
    for (const above of citing.get(entry.event.eventId) ?? []) {
      const left = (waitingFor.get(above.event.eventId) ?? 0) - 1
      waitingFor.set(above.event.eventId, left)
      if (left === 0) next.push(above)
    }
  }
  return ordered
}

/** Power level of an event's sender "when looking at their respective auth events". */
function senderLevel(version: RoomVersion, events: KnownEvents, event: Pdu): number {
  const powerLevels = events.powerLevelsOf(event)
  const create = events.createEventOf(event)
  if (create) return readPowerLevels(version, create, powerLevels).ofUser(event.sender)
  // Without a create event nobody is a creator; only in room version 12 would that matter beside power levels, and no event passes there.
  return powerLevels && !version.auth.createEventIsRoomId
    ? readPowerLevels(version, powerLevels, powerLevels).ofUser(event.sender)
    : 0
}

/** Room versions, "Mainline ordering" based on a power levels event; undefined: there is none, and only age decides. */
export function mainlineOrdering(
  events: KnownEvents,
  powerLevels: StateEvent | undefined,
  set: Iterable<StateEvent>,
): readonly StateEvent[] {
  const positionOf = createMainline(events, powerLevels)
  return [...set]
    .map((event) => ({ event, position: positionOf(event) }))
    .sort((a, b) => compareNumbers(b.position, a.position) || byAge(a.event, b.event))
    .map(({ event }) => event)
}

/** Mainline position of an event: 0 for the newest power levels, Infinity where it stands on none of the mainline. */
function createMainline(events: KnownEvents, newest: StateEvent | undefined): (event: StateEvent) => number {
  /** Of power levels events: their own place, or that of the first below them that has one. */
  const positions = new Map<EventId, number>()
  for (let at = newest; at && !positions.has(at.eventId); at = events.powerLevelsOf(at)) positions.set(at.eventId, positions.size)
  return (event) => {
    const passed = new Set<EventId>()
    let at = events.powerLevelsOf(event)
    while (at && !positions.has(at.eventId) && !passed.has(at.eventId)) {
      passed.add(at.eventId)
      at = events.powerLevelsOf(at)
    }
    const position = (at && positions.get(at.eventId)) ?? Number.POSITIVE_INFINITY
    for (const id of passed) positions.set(id, position)
    return position
  }
}

/** The end of both orderings: `origin_server_ts`, then the event id. */
function byAge(a: Pdu, b: Pdu): number {
  return compareNumbers(a.originServerTs, b.originServerTs) || Buffer.compare(Buffer.from(a.eventId), Buffer.from(b.eventId))
}

/** Levels and positions can be infinite, and the difference of two infinities is no number. */
function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}
