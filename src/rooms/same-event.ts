import { canonicalJson } from '../matrix/canonical-json.ts'
import { canonicalProfile, contentHash, referenceHash } from '../matrix/hashes.ts'
import { isObject, type JsonObject } from '../matrix/json.ts'
import type { Pdu } from '../matrix/pdu.ts'
import type { RoomVersion } from '../matrix/room-versions.ts'
import type { Writer } from '../storage/handles.ts'
import { type EventRow, pduAt, rewriteEvent, versionOf } from './event-store.ts'
import type { Room } from './members.ts'

/**
 * Why an event cannot be the known one of the same id. Whoever makes an event of room version 1 or 2 chooses its id, also one that is in
 * use, here or in another room.
 */
export function mistakenId(tx: Writer, room: Room, known: EventRow, pdu: Pdu): string | undefined {
  if (known.roomNid !== room.nid) return 'event_id: belongs to an event of another room'
  const version = versionOf(room)
  if (version.eventId !== 'in-event') return undefined
  const isSame = referenceHash(pduAt(tx, known.position, version).raw, version) === referenceHash(pdu.raw, version)
  return isSame ? undefined : 'event_id: belongs to another event'
}

/**
 * Puts back what is missing in an event. A server that passes events on can change their contents, which leaves the redacted event with
 * the same id: that must not keep the whole one away for ever.
 */
export function makeWhole(tx: Writer, room: Room, known: EventRow, pdu: Pdu): void {
  const version = versionOf(room)
  const mayMiss = known.contentLength < canonicalJson(pdu.content, canonicalProfile(version)).length
  if (!mayMiss || known.roomNid !== room.nid || known.redactedBy !== null) return
  const stored = pduAt(tx, known.position, version)
  if (isWhole(stored.raw, version) || !isWhole(pdu.raw, version)) return
  if (mistakenId(tx, room, known, pdu) === undefined) rewriteEvent(tx, known, pdu.raw, version, null)
}

function isWhole(raw: JsonObject, version: RoomVersion): boolean {
  return isObject(raw.hashes) && raw.hashes.sha256 === contentHash(raw, canonicalProfile(version))
}
