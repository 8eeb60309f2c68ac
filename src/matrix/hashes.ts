import { hash } from 'node:crypto'
import type { CanonicalProfile } from './canonical-json.ts'
import { canonicalJson } from './canonical-json.ts'
import type { EventId } from './identifiers.ts'
import type { JsonObject } from './json.ts'
import { redact } from './redaction.ts'
import type { RoomVersion } from './room-versions.ts'

/** The canonical form that a room version hashes and signs. */
export function canonicalProfile(version: RoomVersion): CanonicalProfile {
  return version.strictCanonicalJson ? 'strict' : 'lenient'
}

/**
 * SHA-256 over the whole event, unpadded base64: server-server API, "Calculating the content hash for an event".
 * @throws CanonicalJsonError
 */
export function contentHash(raw: JsonObject, profile: CanonicalProfile = 'strict'): string {
  const { unsigned: _unsigned, signatures: _signatures, hashes: _hashes, ...hashed } = raw
  return hash('sha256', canonicalJson(hashed, profile), 'base64').slice(0, 43)
}

/**
 * A copy with `hashes` in place; any hashes that were there are replaced.
 * @throws CanonicalJsonError
 */
export function withContentHash(raw: JsonObject, profile: CanonicalProfile = 'strict'): JsonObject {
  return { ...raw, hashes: { sha256: contentHash(raw, profile) } }
}

/**
 * SHA-256 over the redacted event, unpadded standard base64: server-server API, "Calculating the reference hash for an event".
 * Room versions 1 and 2 name it beside each event id. `raw` must have its content hash already.
 * @throws CanonicalJsonError
 */
export function referenceHash(raw: JsonObject, version: RoomVersion): string {
  return hash('sha256', protectedText(raw, version), 'base64').slice(0, 43)
}

/**
 * The id of an event: chosen by its sender in room versions 1 and 2, otherwise the reference hash.
 * The event must have passed `checkFormat`, or be about to.
 * @throws CanonicalJsonError
 */
export function eventIdOf(raw: JsonObject, version: RoomVersion): EventId {
  switch (version.eventId) {
    case 'in-event':
      return raw.event_id as EventId
    case 'standard-base64':
      return `$${referenceHash(raw, version)}` as EventId
    case 'url-safe-base64':
      return `$${hash('sha256', protectedText(raw, version), 'base64url')}` as EventId
  }
}

/** What reference hash and signatures cover: the redacted event in canonical form. */
export function protectedText(raw: JsonObject, version: RoomVersion): string {
  const { signatures: _signatures, ...covered } = redact(raw, version)
  return canonicalJson(covered, canonicalProfile(version))
}
