import { MatrixError } from '../../http/errors.ts'
import { checkReceivedFormat, toPdu } from '../../matrix/format.ts'
import type { EventId, ServerName } from '../../matrix/identifiers.ts'
import { parseRoomId } from '../../matrix/identifiers.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { Milliseconds, Timers } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { Writer } from '../../storage/handles.ts'
import { StorageProblem } from '../../storage/problems.ts'
import { admit } from '../admit.ts'
import { eventIdAt, findEvent, versionOf } from '../event-store.ts'
import { headsOf, isEndTooMany } from '../heads.ts'
import { findRoom, type Room, roomOf } from '../members.ts'
import { resolveRoots } from '../resolve.ts'
import { makeWhole, mistakenId } from '../same-event.ts'
import { serverMayTakePart } from '../server-acl.ts'
import { isServerIn } from '../servers.ts'
import { stateAfter } from '../state-before.ts'
import type { Root } from '../state-snapshots.ts'
import { checkEvents, validEvents } from './check.ts'
import { createFetching, type FetchDeps, fetchedState, hasState, unknown, type Visit } from './fetch.ts'
import { createGapTurns } from './gap-turns.ts'
import { byGraph, leadingTo } from './links.ts'

export interface ReceiverDeps extends FetchDeps {
  readonly serverName: ServerName
  readonly timers: Timers
  readonly log: Log
  /** Events about users of this server in rooms that it is not in, such as the end of an invitation. */
  takeOutOfBand(origin: ServerName, room: Room, pdu: Pdu): Promise<string | undefined>
}

/** What became of each event of a transaction; source: server-server API, PUT /send/{txnId}. */
export type Results = Record<EventId, { error?: string }>

export interface Receiver {
  /** Takes events of a transaction into their rooms, in order within each. */
  receive(origin: ServerName, raws: readonly JsonObject[]): Promise<Results>
}

/** Events between what is known and what came, fetched for one gap; those before remain to be fetched when somebody reads that far back. */
const maxGap = 1000
/** As many as the other servers there are send at most. */
const page = 20
/** For the events of one transaction in one room: single events that are fetched, answers as large as the room, and the time for both. */
const maxSingleEvents = 500
const maxStates = 20
const maxTime: Milliseconds = 180_000
/** Ids named in one question; other servers refuse more than a hundred. */
const maxReferences = 50
/** Places left free in the timeline where something is missing, so that it can come later. */
const gapPlaces = 1_000_000
const unknownPast = 'what came before it is not known here and cannot be had'
/** How long events are taken at a stretch, and for how many times as long others have their turn afterwards. */
const maxTurn: Milliseconds = 40
const restFactor = 3
const maxRest: Milliseconds = 10_000
const maxAttempts = 5
const maxRemembered = 1000

export function createReceiver(deps: ReceiverDeps): Receiver {
  const { storage, history, verify, clock, log } = deps
  const { reader } = storage
  const fetching = createFetching(deps)
  const inTurn = createGapTurns(deps.timers)

  /** Admits an event whose `prev_events` and auth events are known, or whose state was fetched; why it is no part of the room otherwise. */
  function take(tx: Writer, nid: number, pdu: Pdu, states?: FetchedStates): string | undefined {
    const room = roomOf(tx, nid)
    const known = findEvent(tx, pdu.eventId)
    if (known) {
      const mistake = mistakenId(tx, room, known, pdu)
      if (mistake !== undefined) return mistake
      makeWhole(tx, room, known, pdu)
      // What stands on nothing is the create event, which came with the join.
      if (hasState(tx, room, pdu.eventId) || pdu.prevEvents.length === 0) return undefined
    }
    if (pdu.prevEvents.length === 0) return 'prev_events: an event that stands on nothing'
    if (!states && !pdu.prevEvents.every((id) => hasState(tx, room, id))) return unknownPast
    if (isEndTooMany(tx, room, pdu)) return 'too many events of this server are ones that nothing stands on'
    if (states) tx.nextPosition(gapPlaces)
    const stateBefore = states && stateAtGap(tx, room, pdu, states)
    const admission = admit(tx, room, pdu, { received: true, stateBefore })
    return admission.ok || admission.outcome === 'soft-fail' ? undefined : admission.reason
  }

  /** As many as need nothing that is not here, in one write; how many that were. */
  async function takeReady(visit: Visit, pdus: readonly Pdu[], results: Results): Promise<number> {
    const coming = new Set<EventId>()
    for (const pdu of pdus) {
      const stands = pdu.prevEvents.length > 0 && pdu.prevEvents.every((id) => coming.has(id) || hasState(reader, visit.room, id))
      if (!stands || !pdu.authEvents.every((id) => coming.has(id) || findEvent(reader, id))) break
      coming.add(pdu.eventId)
    }
    if (coming.size === 0) return 0
    const ready = pdus.slice(0, coming.size)
    const admitSome = (some: readonly Pdu[]) =>
      paced((tx, hasTime) => {
        const taken: Results = {}
        for (const pdu of some) {
          taken[pdu.eventId] = resultOf(take(tx, visit.room.nid, pdu))
          if (!hasTime()) break
        }
        return taken
      })
    let left: readonly Pdu[] = ready
    try {
      for (; left.length > 0; left = left.filter(({ eventId }) => results[eventId] === undefined)) {
        Object.assign(results, await admitSome(left))
      }
    } catch (error) {
      // One that goes beyond a limit must not take the others with it.
      for (const pdu of left) {
        results[pdu.eventId] = await onlyThis(async () => (await admitSome([pdu]))[pdu.eventId] ?? {}, error)
      }
    }
    return coming.size
  }

  /**
   * A write that looks at the time now and then. Resolving states may take long, and nothing else can be done meanwhile: afterwards
   * others have their turn, for a multiple of the time.
   */
  async function paced<Result>(action: (tx: Writer, hasTime: () => boolean) => Result): Promise<Result> {
    let taken: Milliseconds = 0
    const result = await storage.write((tx) => {
      const start = clock.now()
      const outcome = action(tx, () => clock.now() - start < maxTurn)
      taken = clock.now() - start
      return outcome
    })
    if (taken >= maxTurn) await new Promise<void>((resolve) => deps.timers.after(Math.min(taken * restFactor, maxRest), resolve))
    return result
  }

  /** Failures of the storage end everything, any other one is this event's alone. */
  async function onlyThis(task: () => Promise<{ error?: string }>, before?: unknown): Promise<{ error?: string }> {
    if (before instanceof StorageProblem) throw before
    try {
      return await task()
    } catch (error) {
      if (error instanceof StorageProblem || error instanceof MatrixError) throw error
      log.error({ err: error }, 'an event of another server could not be taken')
      return { error: 'the event could not be taken' }
    }
  }

  /** How often an event may come again because its sender did not answer questions about it. */
  const attempts = new Map<string, number>()

  /** Ends the transaction, so that the other server sends it once more; false: that has been tried often enough. */
  function askAgain(eventId: string): false {
    const before = attempts.get(eventId) ?? 0
    if (before >= maxAttempts) return false
    attempts.set(eventId, before + 1)
    if (attempts.size > maxRemembered) attempts.delete(attempts.keys().next().value ?? '')
    throw new MatrixError(503, 'M_UNKNOWN', 'What the events stand on cannot be fetched at the moment: send them once more')
  }

  /**
   * An event with something missing: fetches that first. What the sender of an event does not tell of what came right before it keeps
   * the event out; for what lies further back the state is enough.
   */
  async function takeWithGap(visit: Visit, pdu: Pdu, mayFill: boolean): Promise<string | undefined> {
    const missing = () => pdu.prevEvents.filter((id) => !hasState(reader, visit.room, id))
    if (missing().length > 0 && mayFill) await fillGap(visit, pdu)
    const states: Map<EventId, readonly EventId[]> = new Map()
    for (const id of mayFill ? [] : new Set(missing())) {
      const ids = await fetching.stateAround(visit, id)
      if (ids) states.set(id, ids)
    }
    if (!missing().every((id) => states.has(id))) return unknownPast
    await fetching.authEvents(visit, [pdu])
    if (unknown(reader, pdu.authEvents).length > 0) return 'auth_events: not all of them can be had'
    return paced((tx) => take(tx, visit.room.nid, pdu, states.size > 0 ? states : undefined))
  }

  /** Fetches and takes what lies between the known and an event, as far as it can be had. */
  async function fillGap(visit: Visit, pdu: Pdu): Promise<void> {
    const { room, version, from } = visit
    const heads = headsOf(reader, room.nid).slice(0, maxReferences)
    const earliest = heads.map((position) => eventIdAt(reader, position))
    const found = new Map<EventId, Pdu>()
    let latest: readonly EventId[] = [pdu.eventId]
    while (latest.length > 0 && found.size < maxGap && clock.now() <= visit.until) {
      const before = found.size
      const raws = await history.missingEvents(from, room.roomId, { earliest, latest, limit: page })
      if (!raws) break
      // Only what leads to the event: the rest is not what was asked for.
      const asked = [...latest, ...[pdu, ...found.values()].flatMap(({ prevEvents }) => prevEvents)]
      const leading = leadingTo(raws.slice(0, page), version, asked)
      for (const one of await validEvents(verify, { roomId: room.roomId, version, notaries: [] }, leading)) {
        if (one.eventId !== pdu.eventId && !hasState(reader, room, one.eventId)) found.set(one.eventId, one)
      }
      // Whoever sends less than was asked for has no more.
      if (found.size === before || raws.length < page) break
      const stands = (id: EventId) => found.has(id) || hasState(reader, room, id)
      const open = [...found.values()].filter((one) => !one.prevEvents.every(stands))
      latest = open.map(({ eventId }) => eventId).slice(-maxReferences)
    }
    await takeInOrder(visit, byGraph(found.values()), {}, false)
  }

  async function takeInOrder(visit: Visit, pdus: readonly Pdu[], results: Results, mayFill: boolean): Promise<void> {
    for (let at = 0; at < pdus.length; ) {
      const ready = await takeReady(visit, pdus.slice(at), results)
      at += ready
      const pdu = pdus[at]
      if (ready > 0 || !pdu) continue
      const silences = history.silences(visit.from)
      const fill = async () => resultOf(await takeWithGap(visit, pdu, mayFill))
      const result = await onlyThis(() => (mayFill ? inTurn(visit.room.nid, fill) : fill()))
      if (result.error !== undefined) {
        log.info({ eventId: pdu.eventId, from: visit.from, problem: result.error }, 'an event of another server is not taken')
        if (mayFill && history.silences(visit.from) > silences) askAgain(pdu.eventId)
      }
      results[pdu.eventId] = result
      at += 1
    }
  }

  async function receiveInRoom(origin: ServerName, room: Room, raws: readonly JsonObject[], results: Results): Promise<void> {
    const version = versionOf(room)
    if (!serverMayTakePart(reader, room, origin)) {
      const error = 'this room does not take anything from your server'
      for (const raw of raws)
        if (checkReceivedFormat(raw, version) === undefined) results[toPdu(raw, version).eventId] = { error }
      return
    }
    // Whoever is in the room now can be asked for keys; nobody speaks for others.
    const checked = await checkEvents(verify, { roomId: room.roomId, version, notaries: [] }, raws)
    const pdus: Pdu[] = []
    for (const one of checked) {
      if ('pdu' in one) pdus.push(one.pdu)
      else {
        log.info({ origin, room: room.roomId, problem: one.problem }, 'an event of another server is no event')
        if (one.later) askAgain(toPdu(one.raw, version).eventId)
      }
    }
    if (isServerIn(reader, room.nid, deps.serverName)) {
      const until = clock.now() + maxTime
      const visit: Visit = { room, version, from: origin, eventsLeft: maxSingleEvents, statesLeft: maxStates, until }
      await takeInOrder(visit, pdus, results, true)
      return
    }
    for (const pdu of pdus) results[pdu.eventId] = resultOf(await deps.takeOutOfBand(origin, room, pdu))
  }

  return {
    async receive(origin, raws) {
      const results: Results = {}
      const byRoom = Map.groupBy(raws, (raw) => parseRoomId(raw.room_id))
      const rooms = [...byRoom].map(async ([roomId, events]) => {
        const room = roomId && findRoom(reader, roomId)
        if (room) await receiveInRoom(origin, room, events, results)
      })
      await Promise.all(rooms)
      return results
    },
  }
}

function resultOf(problem: string | undefined): { error?: string } {
  return problem === undefined ? {} : { error: problem }
}

/** What was fetched is the word of one server; what is known here of the events before counts as much. */
function stateAtGap(tx: Writer, room: Room, pdu: Pdu, states: FetchedStates): Root {
  const roots = pdu.prevEvents.map((id) => {
    const row = findEvent(tx, id)
    if (!row) throw new Error(`${id} has been fetched, but is not known`)
    const ids = states.get(id)
    return stateAfter(tx, ids ? { ...row, stateRoot: fetchedState(tx, room, ids) } : row)
  })
  return resolveRoots(tx, room, roots)
}

/** The state before each of those previous events that have none here. */
type FetchedStates = ReadonlyMap<EventId, readonly EventId[]>
