import type { EventId, ServerName } from '../../matrix/identifiers.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { RoomVersion } from '../../matrix/room-versions.ts'
import type { Clock, Milliseconds } from '../../platform/clock.ts'
import type { Reader, Writer } from '../../storage/handles.ts'
import type { Storage } from '../../storage/storage.ts'
import { EventStatus, findEvent, positionOf } from '../event-store.ts'
import type { Room } from '../members.ts'
import { makeStateKeyNumber } from '../state-keys.ts'
import { type Root, stateOf } from '../state-snapshots.ts'
import { type Source, type VerifyEvents, validEvents } from './check.ts'
import { byCitation, citedFrom } from './links.ts'
import { storeOutliers } from './outliers.ts'
import type { RemoteHistory } from './remote.ts'

export interface FetchDeps {
  readonly storage: Storage
  readonly history: RemoteHistory
  readonly verify: VerifyEvents
  readonly clock: Clock
}

/** Fetching what some events need: of which room, from whom, and how much more may be asked for. */
export interface Visit {
  readonly room: Room
  readonly version: RoomVersion
  readonly from: ServerName
  /** Single events that may still be asked for. */
  eventsLeft: number
  /** Answers as large as the room (states, auth chains) that may still be asked for. */
  statesLeft: number
  /** Nothing more is asked for afterwards. */
  readonly until: Milliseconds
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

export function createFetching({ storage, history, verify, clock }: FetchDeps): Fetching {
  const { reader } = storage

  /** Stores those of some events that `wanted` names, and what these stand on: whatever else a server sends is of no use. */
  async function store(visit: Visit, raws: readonly JsonObject[], wanted: readonly EventId[]): Promise<void> {
    const pdus = citedFrom(await validEvents(verify, pastOf(visit), raws), wanted)
    const ordered = byCitation(pdus)
    for (let start = 0; start < ordered.length; start += slice) {
      await storage.write((tx) => storeOutliers(tx, visit.room, ordered.slice(start, start + slice)))
    }
  }

  /** Whether one more answer as large as the room may be asked for. */
  function mayAskMore(visit: Visit): boolean {
    if (visit.statesLeft === 0 || clock.now() > visit.until) return false
    visit.statesLeft -= 1
    return true
  }

  async function singly(visit: Visit, ids: readonly EventId[]): Promise<readonly JsonObject[]> {
    const wanted = ids.slice(0, visit.eventsLeft)
    visit.eventsLeft -= wanted.length
    const found: JsonObject[] = []
    for (let start = 0; start < wanted.length && clock.now() <= visit.until; start += atOnce) {
      const answers = await Promise.all(wanted.slice(start, start + atOnce).map((id) => history.event(visit.from, id)))
      for (const raw of answers) if (raw) found.push(raw)
    }
    return found
  }

  /** Events with what they cite, and what that cites, down to what is known: an event is stored after its auth events. */
  async function withAncestors(visit: Visit, ids: readonly EventId[]): Promise<void> {
    const found: JsonObject[] = []
    const asked = new Set<EventId>()
    for (let wanted = ids; wanted.length > 0 && visit.eventsLeft > 0 && clock.now() <= visit.until; ) {
      for (const id of wanted) asked.add(id)
      const raws = await singly(visit, wanted)
      const pdus = (await validEvents(verify, pastOf(visit), raws)).filter(({ eventId }) => asked.has(eventId))
      found.push(...pdus.map(({ raw }) => raw))
      wanted = unknown(
        reader,
        pdus.flatMap(({ authEvents }) => authEvents),
      ).filter((id) => !asked.has(id))
    }
    await store(visit, found, ids)
  }

  return {
    async authEvents(visit, pdus) {
      for (const pdu of pdus) {
        const missing = unknown(reader, pdu.authEvents)
        if (missing.length === 0) continue
        const chain = mayAskMore(visit) ? await history.authChain(visit.from, visit.room.roomId, pdu.eventId) : undefined
        if (chain) await store(visit, chain, missing)
        await withAncestors(visit, unknown(reader, missing))
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
    if (!mayAskMore(visit)) return undefined
    const ids = await history.stateIds(from, room.roomId, eventId)
    if (!ids || ids.state.length === 0) return undefined
    const missing = unknown(reader, [...ids.authChain, ...ids.state])
    if (missing.length > maxSingly) {
      const whole = mayAskMore(visit) ? await history.state(from, room.roomId, eventId) : undefined
      if (!whole) return undefined
      await store(visit, [...whole.authChain, ...whole.state], ids.state)
    } else if (missing.length > 0) await withAncestors(visit, missing)
    return isOneState(reader, room, ids.state) ? ids.state : undefined
  }
}

/** Whoever is asked about the past may speak for servers that are gone. */
function pastOf({ room, version, from }: Visit): Source {
  return { roomId: room.roomId, version, notaries: [from] }
}

export function unknown(reader: Reader, ids: readonly EventId[]): EventId[] {
  return [...new Set(ids)].filter((id) => positionOf(reader, id) === undefined)
}

/** The entries of a state that was told, as far as its events are known and were not rejected. */
function* entriesOf(reader: Reader, room: Room, ids: readonly EventId[]) {
  for (const id of ids) {
    const row = findEvent(reader, id)
    if (row?.roomNid !== room.nid || row.stateKey === null || (row.status & EventStatus.rejected) !== 0) continue
    yield { type: row.type, stateKey: row.stateKey, position: row.position }
  }
}

/** Whether there are no two events for one entry: no state has that. */
function isOneState(reader: Reader, room: Room, ids: readonly EventId[]): boolean {
  const seen = new Map<string, number>()
  for (const { type, stateKey, position } of entriesOf(reader, room, ids)) {
    const key = JSON.stringify([type, stateKey])
    if ((seen.get(key) ?? position) !== position) return false
    seen.set(key, position)
  }
  return true
}

/** The snapshot of a state that was told: of the events that it names those that are known, and were not rejected. */
export function fetchedState(tx: Writer, room: Room, ids: readonly EventId[]): Root {
  const entries: [number, number][] = []
  for (const { type, stateKey, position } of entriesOf(tx, room, ids)) {
    entries.push([makeStateKeyNumber(tx, type, stateKey), position])
  }
  return stateOf(tx, entries)
}

/** Whether an event is known together with the state before it. */
export function hasState(reader: Reader, room: Room, id: EventId): boolean {
  const row = findEvent(reader, id)
  return row !== undefined && row.roomNid === room.nid && (row.status & EventStatus.outlier) === 0
}
