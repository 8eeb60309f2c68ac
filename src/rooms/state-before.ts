import type { EventId } from '../matrix/identifiers.ts'
import type { Writer } from '../storage/handles.ts'
import { type EventRow, EventStatus, findEvent } from './event-store.ts'
import { headsOf } from './heads.ts'
import type { Room } from './members.ts'
import { resolveRoots } from './resolve.ts'
import { makeStateKeyNumber } from './state-keys.ts'
import { emptyState, type Root, withEntry } from './state-snapshots.ts'

/**
 * The state before an event with these `prev_events`; undefined: one of them is missing here, or the state before it is.
 * Source: server-server API, "Room State Resolution".
 */
export function stateBefore(tx: Writer, room: Room, prevEvents: readonly EventId[]): Root | undefined {
  if (prevEvents.length === 0) return emptyState
  const rows = new Set<EventRow>()
  for (const id of new Set(prevEvents)) {
    const row = findEvent(tx, id)
    if (row?.roomNid !== room.nid || (row.status & EventStatus.outlier) !== 0) return undefined
    rows.add(row)
  }
  const heads = new Set(headsOf(tx, room.nid))
  // By far the most common case: the event stands on all that there is.
  if (heads.size === rows.size && [...rows].every(({ position }) => heads.has(position))) return room.stateRoot
  return resolveRoots(
    tx,
    room,
    [...rows].map((row) => stateAfter(tx, row)),
  )
}

/** A rejected event changes nothing; one that only failed softly is part of the graph like others. */
export function stateAfter(tx: Writer, row: Pick<EventRow, 'position' | 'type' | 'stateKey' | 'stateRoot' | 'status'>): Root {
  if (row.stateKey === null || (row.status & EventStatus.rejected) !== 0) return row.stateRoot
  return withEntry(tx, row.stateRoot, makeStateKeyNumber(tx, row.type, row.stateKey), row.position)
}
