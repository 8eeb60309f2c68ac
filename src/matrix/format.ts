import { canonicalJson, checkCanonical } from './canonical-json.ts'
import { canonicalProfile, eventIdOf } from './hashes.ts'
import type { EventId, RoomId, UserId } from './identifiers.ts'
import {
  createEventIdOf,
  isEventIdWithDomain,
  maxIdentifierBytes,
  parseRoomId,
  parseUserId,
  roomIdOfCreateEvent,
} from './identifiers.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { isArray, isObject } from './json.ts'
import type { Pdu } from './pdu.ts'
import type { RoomVersion } from './room-versions.ts'

/** Limits of an event: client-server API, "Size limits"; server-server API, "PDUs". */
export const maxEventBytes = 65_536
const maxAuthEvents = 10
const maxPrevEvents = 20
const maxLenientInteger = 2n ** 63n - 1n

/**
 * What makes an object no event of its room version, naming the field, or undefined: server-server API, "Checks performed on receipt
 * of a PDU", 1. Hashes and signatures must be in place, since they count towards the size.
 * @param unit what the lengths of texts are counted in, see `RoomVersion.keepsOversized`
 */
export function checkFormat(raw: JsonObject, version: RoomVersion, unit: TextUnit = 'bytes'): string | undefined {
  const profile = canonicalProfile(version)
  const problem = fieldsProblem(raw, version, unit) ?? checkCanonical(raw, profile)
  if (problem) return problem
  const bytes = Buffer.byteLength(canonicalJson(raw, profile))
  return bytes > maxEventBytes ? `an event may have ${maxEventBytes} bytes, this one has ${bytes}` : undefined
}

/** `checkFormat` for events that come from other servers. */
export function checkReceivedFormat(raw: JsonObject, version: RoomVersion): string | undefined {
  return checkFormat(raw, version, version.keepsOversized ? 'characters' : 'bytes')
}

/** How long an identifying text of an event is. */
export type TextUnit = 'bytes' | 'characters'

function fieldsProblem(raw: JsonObject, version: RoomVersion, unit: TextUnit): string | undefined {
  return (
    textProblem(raw, 'type', unit) ??
    (raw.state_key === undefined ? undefined : textProblem(raw, 'state_key', unit)) ??
    (parseUserId(raw.sender) ? undefined : 'sender: must be a user id') ??
    roomIdProblem(raw, version) ??
    (version.eventId === 'in-event' && !isEventIdWithDomain(raw.event_id) ? 'event_id: must be an event id' : undefined) ??
    objectProblem(raw, 'content') ??
    objectProblem(raw, 'hashes') ??
    objectProblem(raw, 'signatures') ??
    (raw.unsigned === undefined ? undefined : objectProblem(raw, 'unsigned')) ??
    integerProblem(raw, 'origin_server_ts', version) ??
    integerProblem(raw, 'depth', version) ??
    referencesProblem(raw, 'prev_events', maxPrevEvents, version) ??
    referencesProblem(raw, 'auth_events', maxAuthEvents, version) ??
    impliedCreateProblem(raw, version)
  )
}

function textProblem(raw: JsonObject, key: string, unit: TextUnit): string | undefined {
  const text = raw[key]
  if (typeof text !== 'string') return `${key}: must be a string`
  return lengthOf(text, unit) > maxIdentifierBytes ? `${key}: longer than ${maxIdentifierBytes} ${unit}` : undefined
}

function lengthOf(text: string, unit: TextUnit): number {
  return unit === 'bytes' ? Buffer.byteLength(text) : [...text].length
}

/** Whether an event keeps to the limits in characters only. */
export function isOversized({ type, stateKey = '' }: Pdu): boolean {
  return [type, stateKey].some((text) => lengthOf(text, 'bytes') > maxIdentifierBytes)
}

function objectProblem(raw: JsonObject, key: string): string | undefined {
  return isObject(raw[key]) ? undefined : `${key}: must be an object`
}

function integerProblem(raw: JsonObject, key: string, version: RoomVersion): string | undefined {
  const value = raw[key]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return undefined
  if (typeof value === 'bigint' && !version.strictCanonicalJson && value >= 0n && value <= maxLenientInteger) return undefined
  return `${key}: must be an integer, not negative and not too large`
}

function roomIdProblem(raw: JsonObject, version: RoomVersion): string | undefined {
  if (namesItsRoom(raw, version) && raw.room_id === undefined) return undefined
  return parseRoomId(raw.room_id) ? undefined : 'room_id: must be a room id'
}

/** Whether this is a create event whose id is the room's (room version 12). */
function namesItsRoom(raw: JsonObject, version: RoomVersion): boolean {
  return version.auth.createEventIsRoomId && raw.type === 'm.room.create' && raw.state_key === ''
}

/** Room version 12, rule 3.2: the room id implies the create event, which must not be listed as well. */
function impliedCreateProblem(raw: JsonObject, version: RoomVersion): string | undefined {
  const room = version.auth.createEventIsRoomId ? parseRoomId(raw.room_id) : undefined
  const create = room && createEventIdOf(room)
  return create && isArray(raw.auth_events) && raw.auth_events.includes(create)
    ? 'auth_events: must not name the create event'
    : undefined
}

function referencesProblem(raw: JsonObject, key: string, most: number, version: RoomVersion): string | undefined {
  const list = raw[key]
  if (!isArray(list)) return `${key}: must be an array`
  if (list.length > most) return `${key}: more than ${most} events`
  return list.every((item) => isReference(item, version)) ? undefined : `${key}: must name events`
}

function isReference(item: JsonValue, version: RoomVersion): boolean {
  if (version.eventId !== 'in-event') return isReferencedId(item)
  return isArray(item) && item.length === 2 && isReferencedId(item[0]) && isObject(item[1])
}

// Any text with the sigil: an id of another shape names an event that does not exist, which later checks find anyway.
function isReferencedId(item: JsonValue | undefined): boolean {
  return typeof item === 'string' && item.startsWith('$') && Buffer.byteLength(item) <= maxIdentifierBytes
}

/**
 * A view of an event that has passed `checkFormat`.
 * @param knownId the event's id where it is known already (from storage); computed otherwise
 */
export function toPdu(raw: JsonObject, version: RoomVersion, knownId?: EventId): Pdu {
  const eventId = knownId ?? eventIdOf(raw, version)
  const content = raw.content as JsonObject
  const redacts = version.redaction.redactsInContent ? content.redacts : raw.redacts
  return {
    eventId,
    roomId: namesItsRoom(raw, version) ? roomIdOfCreateEvent(eventId) : (raw.room_id as RoomId),
    type: raw.type as string,
    sender: raw.sender as UserId,
    stateKey: raw.state_key as string | undefined,
    content,
    authEvents: references(raw.auth_events, version),
    prevEvents: references(raw.prev_events, version),
    depth: clampedInteger(raw.depth),
    originServerTs: clampedInteger(raw.origin_server_ts),
    redacts: raw.type === 'm.room.redaction' && typeof redacts === 'string' ? (redacts as EventId) : undefined,
    raw,
  }
}

function references(list: JsonValue | undefined, version: RoomVersion): readonly EventId[] {
  if (version.eventId !== 'in-event') return list as unknown as readonly EventId[]
  return (list as unknown as readonly (readonly [EventId, JsonValue])[]).map(([id]) => id)
}

/** Old room versions allow more than 2^53-1; beyond that the order no longer matters. */
function clampedInteger(value: JsonValue | undefined): number {
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER)
}
