import type { EventLookup } from '../matrix/authorisation/check-auth-events.ts'
import type { JsonObject } from '../matrix/json.ts'
import { isObject } from '../matrix/json.ts'
import { judge } from '../matrix/judge.ts'
import type { Pdu } from '../matrix/pdu.ts'
import type { RoomVersion } from '../matrix/room-versions.ts'
import type { Rejected } from '../matrix/verdict.ts'
import { type Position, statement, type Writer } from '../storage/handles.ts'
import { EventStatus, findEvent, insertEvent, pduAt, versionOf } from './event-store.ts'
import type { Room } from './members.ts'
import { projectMembership } from './membership-projection.ts'
import { applyRedaction, applyWaitingRedactions, internalRelation } from './redactions.ts'
import { currentEntry, currentLookup } from './state.ts'
import { makeStateKeyNumber } from './state-keys.ts'
import { type Root, withEntry } from './state-snapshots.ts'

export type Admission =
  | { readonly ok: true; readonly position: Position; readonly pdu: Pdu }
  | (Rejected & { readonly ok: false })

const setHead = statement<[number, Position], never>('INSERT INTO room_heads (room_nid, position) VALUES (?, ?)')
const dropHeads = statement<[number], never>('DELETE FROM room_heads WHERE room_nid = ?')
const setCurrent = statement<[number, string, string, Position], never>(
  `INSERT INTO current_state (room_nid, type, state_key, position) VALUES (?, ?, ?, ?)
   ON CONFLICT DO UPDATE SET position = excluded.position`,
)
const advanceRoom = statement<[Root, Position, number], never>('UPDATE rooms SET state_root = ?, last_position = ? WHERE nid = ?')
const insertRelation = statement<[Position, number, string, string], never>(
  'INSERT INTO event_relations (position, room_nid, target, relation_type) VALUES (?, ?, ?, ?)',
)

/**
 * The one road into a room, for local and received events: judge, store with a position, advance the graph and the current state, wake.
 * Source: server-server API, "Checks performed on receipt of a PDU", 4 to 6; the checks before them belong to whoever received the event.
 * A refused event of our own leaves no trace. `origin`: see `EventRow`.
 */
export function admit(tx: Writer, room: Room, pdu: Pdu, origin?: string): Admission {
  const version = versionOf(room)
  const current = currentLookup(tx, room)
  const judgement = judge(version, pdu, { authEvents: eventLookup(tx, version), stateBefore: current, currentState: current })
  if (judgement.outcome !== 'accept') return judgement.verdict
  const { stateKey } = pdu
  const position = tx.nextPosition()
  const replaces = stateKey === undefined ? undefined : currentEntry(tx, room.nid, pdu.type, stateKey)
  insertEvent(tx, {
    position,
    roomNid: room.nid,
    timelineOrder: position,
    stateRoot: room.stateRoot,
    status: EventStatus.accepted,
    replaces,
    origin,
    pdu,
    version,
  })
  dropHeads(tx).run(room.nid)
  setHead(tx).run(room.nid, position)
  let root = room.stateRoot
  if (stateKey !== undefined) {
    root = withEntry(tx, root, makeStateKeyNumber(tx, pdu.type, stateKey), position)
    setCurrent(tx).run(room.nid, pdu.type, stateKey, position)
    if (pdu.type === 'm.room.member') projectMembership(tx, room, pdu, position, replaces)
  }
  advanceRoom(tx).run(root, position, room.nid)
  relate(tx, room.nid, pdu, position)
  if (pdu.type === 'm.room.redaction') applyRedaction(tx, room, pdu, position)
  else applyWaitingRedactions(tx, room, pdu)
  tx.wake(`room/${room.nid}`)
  return { ok: true, position, pdu }
}

function eventLookup(tx: Writer, version: RoomVersion): EventLookup {
  return (eventId) => {
    const place = findEvent(tx, eventId)
    return place && { pdu: pduAt(tx, place.position, version), rejected: (place.status & EventStatus.rejected) !== 0 }
  }
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
