import type { EventId, ServerName } from '../../matrix/identifiers.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { Milliseconds } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import { createQueues } from '../../platform/queues.ts'
import { type Position, statement } from '../../storage/handles.ts'
import { admitPast } from '../admit.ts'
import { eventAt, findEvent, orderOf, versionOf } from '../event-store.ts'
import { missingBetween } from '../heads.ts'
import { type Room, roomOf } from '../members.ts'
import { mistakenId } from '../same-event.ts'
import { serversIn } from '../servers.ts'
import { validEvents } from './check.ts'
import { createFetching, type FetchDeps, fetchedState, hasState, type Visit } from './fetch.ts'
import { byGraph, leadingTo } from './links.ts'

export interface BackfillDeps extends FetchDeps {
  readonly serverName: ServerName
  readonly log: Log
}

export interface Backfill {
  /** Fetches events that are missing between two places of a room's timeline, the latest gap first. False: nothing came. */
  fill(room: Room, from: Position, to: Position): Promise<boolean>
}

const page = 100
const maxAsked = 20
const maxServers = 3
/** Between two attempts at one gap. */
const pause: Milliseconds = 60_000
const maxRemembered = 1000
/** For one page: single events that are fetched, answers as large as the room, and the time for both. Somebody waits. */
const maxSingleEvents = 200
const maxStates = 10
const maxTime: Milliseconds = 30_000

const before = statement<[number, Position], Position | null>(
  'SELECT max(timeline_order) FROM events WHERE room_nid = ? AND timeline_order < ?',
  'pluck',
)

/** Fetches the past of rooms when somebody reads that far back. Source: server-server API, "Backfilling and retrieving missing events". */
export function createBackfill(deps: BackfillDeps): Backfill {
  const { storage, history, verify, clock, log, serverName } = deps
  const { reader } = storage
  const fetching = createFetching(deps)
  const inTurn = createQueues()
  const tried = new Map<string, Milliseconds>()

  async function fetchFrom(room: Room, server: ServerName, ids: readonly EventId[]): Promise<readonly Pdu[]> {
    const raws = await history.backfill(server, room.roomId, ids, page)
    if (!raws) return []
    const version = versionOf(room)
    const source = { roomId: room.roomId, version, notaries: [server] }
    const pdus = await validEvents(verify, source, leadingTo(raws.slice(0, 2 * page), version, ids))
    return byGraph(pdus.filter(({ eventId }) => !hasState(reader, room, eventId)))
  }

  /** Takes events into the timeline below `child`, the last of them right below it. */
  async function place(room: Room, server: ServerName, pdus: readonly Pdu[], child: Position): Promise<number> {
    const until = clock.now() + maxTime
    const visit: Visit = {
      room,
      version: versionOf(room),
      from: server,
      eventsLeft: maxSingleEvents,
      statesLeft: maxStates,
      until,
    }
    const end = orderOf(eventAt(reader, child))
    const floor = before(reader).get(room.nid, end) ?? Number.MIN_SAFE_INTEGER
    // Without free places in between the older ones stay away.
    const fitting = pdus.slice(Math.max(0, pdus.length - (end - 1 - floor)))
    let taken = 0
    for (const [index, pdu] of fitting.entries()) {
      const stands = pdu.prevEvents.every((id) => hasState(reader, room, id))
      const ids = stands ? undefined : await fetching.stateBefore(visit, pdu.eventId)
      if (!stands && !ids) continue
      await fetching.authEvents(visit, [pdu])
      await storage.write((tx) => {
        const present = roomOf(tx, room.nid)
        const known = findEvent(tx, pdu.eventId)
        if (hasState(tx, present, pdu.eventId) || (known && mistakenId(tx, present, known, pdu) !== undefined)) return
        const stateBefore = ids && fetchedState(tx, present, ids)
        admitPast(tx, present, pdu, stateBefore, end - fitting.length + index)
      })
      taken += 1
    }
    return taken
  }

  function worthTrying(eventId: string): boolean {
    const last = tried.get(eventId)
    if (last !== undefined && clock.now() - last < pause) return false
    tried.set(eventId, clock.now())
    if (tried.size > maxRemembered) tried.delete(tried.keys().next().value ?? '')
    return true
  }

  return {
    fill: (room, from, to) =>
      inTurn(room.nid, async () => {
        const missing = missingBetween(reader, room.nid, from, to, maxAsked)
        const child = missing[0]?.child
        if (child === undefined) return false
        const ids = missing.flatMap((one) => (one.child === child && worthTrying(one.eventId) ? [one.eventId as EventId] : []))
        if (ids.length === 0) return false
        const servers = serversIn(reader, room.nid).filter((server) => server !== serverName)
        for (const server of servers.slice(0, maxServers)) {
          const pdus = await fetchFrom(room, server, ids)
          if (pdus.length > 0 && (await place(room, server, pdus, child)) > 0) return true
        }
        log.info({ room: room.roomId, events: ids.length }, 'older events of a room cannot be had')
        return false
      }),
  }
}
