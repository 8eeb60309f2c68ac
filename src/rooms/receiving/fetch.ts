import type { EventId, ServerName } from '../../matrix/identifiers.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { RoomVersion } from '../../matrix/room-versions.ts'
import type { Reader, Writer } from '../../storage/handles.ts'
import type { Storage } from '../../storage/storage.ts'
import { EventStatus, findEvent } from '../event-store.ts'
import type { Room } from '../members.ts'
import { makeStateKeyNumber } from '../state-keys.ts'
import { type Root, stateOf } from '../state-snapshots.ts'
import { type VerifyEvents, validEvents } from './check.ts'
import { byCitation, storeOutliers } from './outliers.ts'
import type { RemoteHistory } from './remote.ts'

export interface FetchDeps {
  readonly storage: Storage
  readonly history: RemoteHistory
  readonly verify: VerifyEvents
}

/** Fetching what one event needs: of which room, from whom, and how much more may be asked for. */
export interface Visit {
  readonly room: Room
  readonly version: RoomVersion
  readonly from: ServerName
  /** Single events that may still be asked for. */
  eventsLeft: number
}

/** Events asked for one by one rather than with everything else of a state. */
const maxSingly = 50
const atOnce = 8
/** Outliers stored in one write: a thousand take some tens of milliseconds. */
const slice = 500

export interface Fetching {
  /** Makes the auth events of events known, as far as they can be had. */
  authEvents(visit: Visit, pdus: readonly Pdu[]): Promise<void>
  /** The state before an event as `visit.from` has it, as ids of events that are known here now; undefined: it cannot be had. */
  stateBefore(visit: Visit, eventId: EventId): Promise<readonly EventId[] | undefined>
  /** The same for an event that is not known itself: it is known afterwards. */
  stateAround(visit: Visit, eventId: EventId): Promise<readonly EventId[] | undefined>
}

export function createFetching({ storage, history, verify }: FetchDeps): Fetching {
  const { reader } = storage

  async function store(visit: Visit, raws: readonly JsonObject[]): Promise<void> {
    const source = { roomId: visit.room.roomId, version: visit.version, from: visit.from }
    const ordered = byCitation(await validEvents(verify, source, raws))
    for (let start = 0; start < ordered.length; start += slice) {
      await storage.write((tx) => storeOutliers(tx, visit.room, ordered.slice(start, start + slice)))
    }
  }

  async function singly(visit: Visit, ids: readonly EventId[]): Promise<readonly JsonObject[]> {
    const wanted = ids.slice(0, visit.eventsLeft)
    visit.eventsLeft -= wanted.length
    const found: JsonObject[] = []
    for (let start = 0; start < wanted.length; start += atOnce) {
      const answers = await Promise.all(wanted.slice(start, start + atOnce).map((id) => history.event(visit.from, id)))
      for (const raw of answers) if (raw) found.push(raw)
    }
    return found
  }

  /** Events with what they cite, and what that cites, down to what is known: an event is stored after its auth events. */
  async function withAncestors(visit: Visit, ids: readonly EventId[]): Promise<void> {
    const source = { roomId: visit.room.roomId, version: visit.version, from: visit.from }
    const found: JsonObject[] = []
    const asked = new Set<EventId>()
    for (let wanted = ids; wanted.length > 0 && visit.eventsLeft > 0; ) {
      for (const id of wanted) asked.add(id)
      const raws = await singly(visit, wanted)
      found.push(...raws)
      const pdus = await validEvents(verify, source, raws)
      wanted = unknown(
        reader,
        pdus.flatMap(({ authEvents }) => authEvents),
      ).filter((id) => !asked.has(id))
    }
    await store(visit, found)
  }

  return {
    async authEvents(visit, pdus) {
      for (const pdu of pdus) {
        if (unknown(reader, pdu.authEvents).length === 0) continue
        const chain = await history.authChain(visit.from, visit.room.roomId, pdu.eventId)
        if (chain) await store(visit, chain)
        await withAncestors(visit, unknown(reader, pdu.authEvents))
      }
    },
    stateBefore,
    async stateAround(visit, eventId) {
      const ids = await stateBefore(visit, eventId)
      if (ids && unknown(reader, [eventId]).length > 0) await withAncestors(visit, [eventId])
      return unknown(reader, [eventId]).length > 0 ? undefined : ids
    },
  }

  async function stateBefore(visit: Visit, eventId: EventId): Promise<readonly EventId[] | undefined> {
    const { from, room } = visit
    const ids = await history.stateIds(from, room.roomId, eventId)
    if (!ids || ids.state.length === 0) return undefined
    const missing = unknown(reader, [...ids.authChain, ...ids.state])
    if (missing.length > maxSingly) {
      const whole = await history.state(from, room.roomId, eventId)
      if (!whole) return undefined
      await store(visit, [...whole.authChain, ...whole.state])
    } else if (missing.length > 0) await withAncestors(visit, missing)
    return ids.state
  }
}

export function unknown(reader: Reader, ids: readonly EventId[]): EventId[] {
  return [...new Set(ids)].filter((id) => findEvent(reader, id) === undefined)
}

/** The snapshot of a state that was fetched: of the events that it names those that are known, and were not rejected. */
export function fetchedState(tx: Writer, room: Room, ids: readonly EventId[]): Root {
  const entries: [number, number][] = []
  for (const id of ids) {
    const row = findEvent(tx, id)
    if (row?.roomNid !== room.nid || row.stateKey === null || (row.status & EventStatus.rejected) !== 0) continue
    entries.push([makeStateKeyNumber(tx, row.type, row.stateKey), row.position])
  }
  return stateOf(tx, entries)
}

/** Whether an event is known together with the state before it. */
export function hasState(reader: Reader, room: Room, id: EventId): boolean {
  const row = findEvent(reader, id)
  return row !== undefined && row.roomNid === room.nid && (row.status & EventStatus.outlier) === 0
}
