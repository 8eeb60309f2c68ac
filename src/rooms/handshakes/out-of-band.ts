import type { RoomId, ServerName, UserId } from '../../matrix/identifiers.ts'
import { serverOf } from '../../matrix/identifiers.ts'
import type { JsonObject, JsonValue } from '../../matrix/json.ts'
import { isObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import type { RoomVersion } from '../../matrix/room-versions.ts'
import { type Reader, statement, type Writer } from '../../storage/handles.ts'
import { EventStatus, eventAt, findEvent, insertEvent, versionOf } from '../event-store.ts'
import { findRoom, type Membership, memberOf, type Room, roomOf } from '../members.ts'
import { projectMembership } from '../membership-projection.ts'
import { emptyState } from '../state-snapshots.ts'

const insertRoom = statement<[string, string], never>(
  `INSERT INTO rooms (room_id, version, state_root, last_position, joined_members, invited_members) VALUES (?, ?, ${emptyState}, 0, 0, 0)`,
)
const setVersion = statement<[string, number], never>('UPDATE rooms SET version = ? WHERE nid = ?')
const putStripped = statement<[number, string, string], never>(
  `INSERT INTO stripped_states (room_nid, user_id, events) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET events = excluded.events`,
)
const stripped = statement<[number, string], string>(
  'SELECT events FROM stripped_states WHERE room_nid = ? AND user_id = ?',
  'pluck',
)

/** The room of this id, made known with nothing in it where it is new. Undefined: it is known with another version. */
export function knownRoom(tx: Writer, roomId: RoomId, version: RoomVersion): Room | undefined {
  const room = findRoom(tx, roomId)
  if (room?.version === version.id) return room
  if (room) {
    if (room.stateRoot !== emptyState) return undefined
    // Until a state of it was seen, the version was somebody's word.
    setVersion(tx).run(version.id, room.nid)
    return { ...room, version: version.id }
  }
  return roomOf(tx, Number(insertRoom(tx).run(roomId, version.id).lastInsertRowid))
}

/** Stores a membership in a room that this server is not in: the event stands alone, no state is known. */
export function storeMembership(tx: Writer, room: Room, pdu: Pdu): void {
  const version = versionOf(room)
  const known = findEvent(tx, pdu.eventId)
  const at = tx.nextPosition()
  const position = known?.position ?? at
  if (!known) {
    const status = EventStatus.outlier
    insertEvent(tx, {
      position,
      roomNid: room.nid,
      timelineOrder: null,
      stateRoot: emptyState,
      status,
      replaces: memberOf(tx, room.nid, pdu.stateKey ?? '')?.position,
      origin: undefined,
      pdu,
      version,
    })
  }
  const membership = pdu.content.membership as Membership
  projectMembership(tx, room.nid, { userId: pdu.stateKey as UserId, membership, position, at })
}

/** Entries of a state that a server sends with an invitation; a room that says more than that says it in vain. */
const maxStripped = 100
const maxStrippedBytes = 64 * 1024

/** What may be shown of a state that another server told, as JSON text; the rest of what it sent is left out. */
function strippedText(events: readonly JsonValue[]): string {
  const texts: string[] = []
  let bytes = 0
  for (const event of events.slice(0, maxStripped)) {
    if (!isStripped(event)) continue
    const { type, state_key, sender, content } = event
    // Of the create event some clients want to see that it is whole; MSC4311.
    const time = type === 'm.room.create' &&
      typeof event.origin_server_ts === 'number' && { origin_server_ts: event.origin_server_ts }
    const text = JSON.stringify({ content, sender, state_key, type, ...time })
    if (bytes + text.length > maxStrippedBytes) continue
    bytes += text.length
    texts.push(text)
  }
  return texts.join(',')
}

function isStripped(event: JsonValue | undefined): event is JsonObject {
  if (!isObject(event)) return false
  return [event.type, event.state_key, event.sender].every((field) => typeof field === 'string') && isObject(event.content)
}

export function keepStripped(tx: Writer, nid: number, userId: string, events: readonly JsonValue[]): void {
  putStripped(tx).run(nid, userId, strippedText(events))
}

/** Stripped state events for a user who is not in the room, a comma between each two; undefined: nobody told any. */
export function strippedStateFor(reader: Reader, nid: number, userId: string): string | undefined {
  return stripped(reader).get(nid, userId)
}

/**
 * What happens to users of this server in a room that it is not in, told by a server that is: an invitation is taken back, a knock is
 * refused. Believed only of whom the invitation came from, or of the server that took the knock.
 */
export function outOfBandProblem(
  reader: Reader,
  room: Room,
  pdu: Pdu,
  origin: ServerName,
  serverName: ServerName,
): string | undefined {
  const target = pdu.stateKey
  const member = pdu.type === 'm.room.member' && target !== undefined ? memberOf(reader, room.nid, target) : undefined
  if (!member || serverOf(member.userId) !== serverName) return 'this server is not in the room'
  if (pdu.content.membership !== 'leave' && pdu.content.membership !== 'ban') return 'this server is not in the room'
  if (member.membership !== 'invite' && member.membership !== 'knock') return 'this server is not in the room'
  const before = eventAt(reader, member.position)
  // What ends something else came late: an earlier ban that was lifted before the invitation, for instance.
  if (!pdu.authEvents.includes(before.eventId)) return 'not about the membership that is known here'
  // Whether anybody else of the room may is not known here.
  if (member.membership === 'invite' && before.sender !== pdu.sender) return 'not from whom the invitation was'
  return serverOf(pdu.sender) === origin ? undefined : 'not from the server of its sender'
}
