import type { StateLookup } from '../matrix/authorisation/scene.ts'
import type { JsonObject } from '../matrix/json.ts'
import { isObject } from '../matrix/json.ts'
import { type Judgement, judge } from '../matrix/judge.ts'
import type { Pdu } from '../matrix/pdu.ts'
import type { Rejected } from '../matrix/verdict.ts'
import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'
import { advanceState } from './current-state.ts'
import { EventStatus, eventAt, findEvent, insertEvent, pduAt, placeOutlier, versionOf } from './event-store.ts'
import { advanceHeads, headsOf, noteFound, noteMissing, restartHeads } from './heads.ts'
import type { Room } from './members.ts'
import { applyRedaction, applyWaitingRedactions, internalRelation } from './redactions.ts'
import { eventLookup, resolveEnds } from './resolve.ts'
import { currentLookup, entryAt } from './state.ts'
import { stateAfter, stateBefore } from './state-before.ts'
import type { Root } from './state-snapshots.ts'

/** How an event comes. */
export interface Arrival {
  /** Of another server: what it gets wrong is kept, so that nothing can be built on it. An event of our own that is refused leaves no trace. */
  readonly received?: boolean
  /** The state before it, where that was fetched; otherwise it follows from `prev_events`, which must be known. */
  readonly stateBefore?: Root | undefined
  /** The room begins anew with this event, as after a join. */
  readonly restart?: boolean
  /** See `EventRow`. */
  readonly origin?: string | undefined
}

export type Admission =
  | { readonly ok: true; readonly position: Position; readonly pdu: Pdu }
  | (Rejected & { readonly ok: false; readonly outcome: 'soft-fail' | 'reject' })

const insertRelation = statement<[Position, number, string, string], never>(
  'INSERT INTO event_relations (position, room_nid, target, relation_type) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
)

/**
 * The one road into a room, for local and received events: judge, store with a position, advance the graph and the current state, wake.
 * Source: server-server API, "Checks performed on receipt of a PDU", 4 to 6; the checks before them belong to whoever received the event.
 * An event must not be admitted twice.
 */
export function admit(tx: Writer, room: Room, pdu: Pdu, arrival: Arrival = {}): Admission {
  const before = arrival.stateBefore ?? stateBefore(tx, room, pdu.prevEvents)
  if (before === undefined) throw new Error(`${pdu.eventId}: the state before it is not known`)
  const judgement = judge(versionOf(room), pdu, {
    authEvents: eventLookup(tx, room),
    stateBefore: stateLookup(tx, room, before),
    currentState: arrival.restart ? stateLookup(tx, room, before) : currentLookup(tx, room),
  })
  if (judgement.outcome === 'accept') return enter(tx, room, pdu, before, arrival)
  // A state that one server told says nothing for good about the events of others: they may come again with a better one.
  const isHearsay = arrival.stateBefore !== undefined && judgement.outcome === 'reject' && judgement.failed === 5
  if (arrival.received && !isHearsay) keepRefused(tx, room, pdu, before, judgement)
  return { ...judgement.verdict, outcome: judgement.outcome }
}

function stateLookup(reader: Reader, room: Room, root: Root): StateLookup {
  // The flat table answers faster.
  if (root === room.stateRoot) return currentLookup(reader, room)
  return (type, stateKey) => {
    const position = entryAt(reader, root, type, stateKey)
    return position === undefined ? undefined : pduAt(reader, position, versionOf(room))
  }
}

function enter(tx: Writer, room: Room, pdu: Pdu, before: Root, { restart, origin }: Arrival): Admission {
  const place = tx.nextPosition()
  const position = store(tx, room, pdu, before, { place, live: true, status: EventStatus.accepted, origin })
  if (restart) restartHeads(tx, room, pdu, position)
  else advanceHeads(tx, room, pdu, position)
  advanceState(tx, room, stateOfHeads(tx, room, pdu, before, position), place)
  relate(tx, room.nid, pdu, position)
  if (pdu.type === 'm.room.redaction') applyRedaction(tx, room, pdu, position)
  else applyWaitingRedactions(tx, room, pdu)
  tx.wake(`room/${room.nid}`)
  return { ok: true, position, pdu }
}

/**
 * An event out of the past, fetched when somebody read that far back: it takes the place `order` in the timeline, and changes nothing of
 * the present. Source: server-server API, "Checks performed on receipt of a PDU", 4 and 5.
 */
export function admitPast(tx: Writer, room: Room, pdu: Pdu, fetched: Root | undefined, order: number): void {
  const before = fetched ?? stateBefore(tx, room, pdu.prevEvents)
  if (before === undefined) throw new Error(`${pdu.eventId}: the state before it is not known`)
  const stateThen = stateLookup(tx, room, before)
  const facts = { authEvents: eventLookup(tx, room), stateBefore: stateThen, currentState: stateThen }
  const judgement = judge(versionOf(room), pdu, facts)
  if (judgement.outcome !== 'accept') {
    keepRefused(tx, room, pdu, before, judgement)
    return
  }
  const position = store(tx, room, pdu, before, { place: order, status: EventStatus.accepted })
  noteFound(tx, room, pdu)
  noteMissing(tx, room, pdu, position)
  relate(tx, room.nid, pdu, position)
  if (pdu.type === 'm.room.redaction') applyRedaction(tx, room, pdu, position)
  else applyWaitingRedactions(tx, room, pdu)
}

/** Where the event is all that there is at the end of the graph, the state after it; otherwise what all ends resolve to. */
function stateOfHeads(tx: Writer, room: Room, { type, stateKey }: Pdu, stateRoot: Root, position: Position): Root {
  const heads = headsOf(tx, room.nid)
  // Something else stands on it already, and its state is part of that.
  if (!heads.includes(position)) return room.stateRoot
  const after = stateAfter(tx, { type, stateKey: stateKey ?? null, position, stateRoot, status: EventStatus.accepted })
  const others = heads.filter((head) => head !== position).map((head) => stateAfter(tx, eventAt(tx, head)))
  return others.length === 0 ? after : resolveEnds(tx, room, [...others, after])
}

function keepRefused(tx: Writer, room: Room, pdu: Pdu, before: Root, { outcome }: Judgement): void {
  const status = outcome === 'reject' ? EventStatus.rejected : EventStatus.softFailed
  store(tx, room, pdu, before, { place: null, status })
  noteFound(tx, room, pdu)
}

/** A new row, or for an outlier the place that it gets now; its position. */
function store(
  tx: Writer,
  room: Room,
  pdu: Pdu,
  before: Root,
  {
    place,
    live,
    status,
    origin,
  }: {
    /** In the timeline; null: none. */
    readonly place: number | null
    /** It comes now, so its place is the position just taken. */
    readonly live?: boolean
    readonly status: number
    readonly origin?: string | undefined
  },
): Position {
  const replaces = pdu.stateKey === undefined ? undefined : entryAt(tx, before, pdu.type, pdu.stateKey)
  const known = findEvent(tx, pdu.eventId)
  if (known) {
    if (known.roomNid !== room.nid) throw new Error(`${pdu.eventId} is an event of another room`)
    placeOutlier(tx, known.position, { timelineOrder: place, stateRoot: before, status, replaces })
    return known.position
  }
  const position = live && place !== null ? place : tx.nextPosition()
  const version = versionOf(room)
  insertEvent(tx, {
    position,
    roomNid: room.nid,
    timelineOrder: place,
    stateRoot: before,
    status,
    replaces,
    origin,
    pdu,
    version,
  })
  return position
}

function relate(tx: Writer, nid: number, pdu: Pdu, position: Position): void {
  const relation = relationIn(pdu.content)
  if (relation) insertRelation(tx).run(position, nid, relation.target, relation.relationType)
}

/** Client-server API, "Relationship API". */
function relationIn(content: JsonObject): { target: string; relationType: string } | undefined {
  const relation = content['m.relates_to']
  if (!isObject(relation)) return undefined
  const { event_id: target, rel_type: relationType } = relation
  if (typeof target !== 'string' || typeof relationType !== 'string' || target.length > 255 || relationType.length > 255)
    return undefined
  return relationType === internalRelation ? undefined : { target, relationType }
}
