import type { EventLookup } from '../matrix/authorisation/check-auth-events.ts'
import type { EventId } from '../matrix/identifiers.ts'
import type { Pdu } from '../matrix/pdu.ts'
import { resolveConflicts } from '../matrix/state-resolution/resolve-state.ts'
import type { DividedStates } from '../matrix/state-resolution/state-map.ts'
import type { Position, Reader, Writer } from '../storage/handles.ts'
import { EventStatus, eventIdAt, findEvent, pduAt, versionOf } from './event-store.ts'
import type { Room } from './members.ts'
import { currentEntry } from './state.ts'
import { makeStateKeyNumber, stateKeyNumber } from './state-keys.ts'
import { differingKeys, type Root, stateEntry, statePositions, withEntry, withoutEntry } from './state-snapshots.ts'

/** The state that several states of a room resolve to; only where they differ is anything read. Source: room versions, "State resolution". */
export function resolveRoots(tx: Writer, room: Room, roots: readonly Root[]): Root {
  const [first, ...others] = new Set(roots)
  if (first === undefined) throw new Error(`room ${room.nid}: no state to resolve`)
  if (others.length === 0) return first
  const keys = new Set(others.flatMap((other) => [...differingKeys(tx, first, other)]))
  if (keys.size === 0) return first
  const states = divide(tx, [first, ...others], keys)
  const resolved = resolveConflicts(versionOf(room), states, eventLookup(tx, room))
  const winners = new Map<number, Position>()
  for (const { type, stateKey, eventId } of resolved) {
    const position = findEvent(tx, eventId)?.position
    if (position !== undefined) winners.set(makeStateKeyNumber(tx, type, stateKey), position)
  }
  let root = first
  for (const key of keys) if (!winners.has(key)) root = withoutEntry(tx, root, key)
  for (const [key, position] of winners) root = withEntry(tx, root, key, position)
  return root
}

/** By connection and room: the states that were last resolved to the current one. */
const lastResolved = new WeakMap<object, Map<number, string>>()
const maxRooms = 1000

/**
 * `resolveRoots` for the ends of the room's graph. As long as nothing changes their states, which most events do not, the answer is the state
 * that the room has: an old fork, whose state differs in everything that came since, is resolved once and not with each message.
 */
export function resolveEnds(tx: Writer, room: Room, roots: readonly Root[]): Root {
  const rooms = lastResolved.get(tx.raw) ?? new Map<number, string>()
  lastResolved.set(tx.raw, rooms)
  const different = withoutEqual(tx, roots)
  const ends = different.join()
  if (rooms.get(room.nid) === `${ends} ${room.stateRoot}`) return room.stateRoot
  const resolved = resolveRoots(tx, room, different)
  rooms.delete(room.nid)
  rooms.set(room.nid, `${ends} ${resolved}`)
  if (rooms.size > maxRooms) rooms.delete(rooms.keys().next().value ?? 0)
  // Numbers of states are given again if this write is undone.
  tx.whenUndone(() => rooms.delete(room.nid))
  return resolved
}

/** Of states with the same entries the oldest, in order. */
function withoutEqual(reader: Reader, roots: readonly Root[]): readonly Root[] {
  const different: Root[] = []
  for (const root of [...new Set(roots)].sort((one, other) => one - other)) {
    if (!different.some((other) => differingKeys(reader, other, root).next().done)) different.push(root)
  }
  return different
}

function divide(reader: Reader, roots: readonly Root[], keys: ReadonlySet<number>): DividedStates {
  const first = roots[0] ?? 0
  const isShared = new Set<Position>()
  for (const key of keys) for (const root of roots) isShared.add(stateEntry(reader, root, key) ?? 0)
  return {
    conflicted: roots.map((root) =>
      [...keys].flatMap((key) => {
        const position = stateEntry(reader, root, key)
        return position === undefined ? [] : [eventIdAt(reader, position)]
      }),
    ),
    unconflicted: {
      get(type, stateKey) {
        const key = stateKeyNumber(reader, type, stateKey)
        const position = key === undefined || keys.has(key) ? undefined : stateEntry(reader, first, key)
        return position === undefined ? undefined : eventIdAt(reader, position)
      },
      *ids(wanted) {
        // Auth events are stored before those that cite them.
        const oldest = Math.min(...[...wanted].map((id) => findEvent(reader, id)?.position ?? 0))
        for (const position of statePositions(reader, first)) {
          if (position > oldest && !isShared.has(position)) yield eventIdAt(reader, position)
        }
      },
    },
  }
}

/**
 * Events of a room for the rules that follow `auth_events`; those of other rooms do not count as known. A room has one create event: where its
 * id is no hash, the server in the id can make more of them, and everything on top of one.
 */
export function eventLookup(reader: Reader, room: Room): EventLookup {
  const version = versionOf(room)
  const isOther = ({ type }: Pdu, position: Position) =>
    type === 'm.room.create' && (currentEntry(reader, room.nid, 'm.room.create', '') ?? position) !== position
  return (eventId: EventId) => {
    const place = findEvent(reader, eventId)
    if (place?.roomNid !== room.nid) return undefined
    const pdu = pduAt(reader, place.position, version)
    return { pdu, rejected: (place.status & EventStatus.rejected) !== 0 || isOther(pdu, place.position) }
  }
}
