import { parseUserId, serverOf } from '../identifiers.ts'
import type { JsonValue } from '../json.ts'
import { isArray } from '../json.ts'
import type { Pdu } from '../pdu.ts'
import type { RoomVersion } from '../room-versions.ts'
import { roomVersions } from '../room-versions.ts'
import type { Verdict } from '../verdict.ts'
import { allowed, malformed, rejected } from '../verdict.ts'
import { ruleNumbers } from './numbering.ts'

/** Rule 1 of all room versions: nothing but the create event itself decides about it. */
export function createRule(version: RoomVersion, event: Pdu): Verdict {
  const { auth } = version
  const rule = ruleNumbers(version).create
  if (event.prevEvents.length > 0) return malformed(`${rule}.1`, 'the create event must be the first of its room')
  if (!fitsRoomId(version, event)) return rejected(`${rule}.2`, 'room_id: does not belong to this create event')
  if (!isKnownVersion(event.content.room_version)) return malformed(`${rule}.3`, 'content.room_version: not a recognised version')
  if (!auth.implicitCreator && event.content.creator === undefined) return malformed(`${rule}.4`, 'content.creator: missing')
  if (auth.createEventIsRoomId && !areUserIds(event.content.additional_creators)) {
    return malformed(`${rule}.4`, 'content.additional_creators: must be an array of user ids')
  }
  return allowed
}

function fitsRoomId(version: RoomVersion, event: Pdu): boolean {
  if (version.auth.createEventIsRoomId) return event.raw.room_id === undefined
  return serverOf(event.roomId) === serverOf(event.sender)
}

function isKnownVersion(id: JsonValue | undefined): boolean {
  return id === undefined || (typeof id === 'string' && roomVersions.has(id))
}

function areUserIds(ids: JsonValue | undefined): boolean {
  return ids === undefined || (isArray(ids) && ids.every((id) => parseUserId(id) !== undefined))
}
