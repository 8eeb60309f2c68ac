import { decodeBase64, encodeBase64 } from './base64.ts'
import { canonicalProfile, contentHash, protectedText } from './hashes.ts'
import type { EventId, ServerName, UserId } from './identifiers.ts'
import { parseEventId, parseUserId, serverOf } from './identifiers.ts'
import type { JsonObject } from './json.ts'
import { isObject } from './json.ts'
import { redact } from './redaction.ts'
import type { RoomVersion } from './room-versions.ts'
import type { VerifyKey } from './signatures.ts'
import { verifyText } from './signatures.ts'

/** A server's key as the key ring knows it. */
export interface KnownKey {
  readonly key: VerifyKey
  /** Milliseconds; for an old key the time at which it expired. */
  readonly validUntilTs: number
}

export type KeyLookup = (server: ServerName, keyId: string) => KnownKey | undefined

/** Whether a signature over a text holds. */
export type SignatureCheck = (text: string, signatureBase64: string, key: VerifyKey) => boolean

export type Receipt =
  | { readonly verdict: 'use' }
  /** The signatures hold but the content was changed: go on with the redacted event. */
  | { readonly verdict: 'redact'; readonly event: JsonObject }
  /** `keyMissing`: there is a signature, but none of the keys for it was to be had. */
  | { readonly verdict: 'drop'; readonly problem: string; readonly keyMissing?: boolean }

/**
 * Signatures and content hash of an event that has passed `checkFormat`: server-server API, "Checks performed on receipt of a PDU",
 * 2 and 3. The keys in question (`signaturesToCheck`) must have been fetched before. `holds`: for those who verify elsewhere.
 */
export function checkReceived(
  raw: JsonObject,
  version: RoomVersion,
  lookup: KeyLookup,
  holds: SignatureCheck = verifyText,
): Receipt {
  const text = protectedText(raw, version)
  for (const server of requiredSigners(raw, version)) {
    if (!isSignedBy(server, raw, text, version, lookup, holds))
      return { verdict: 'drop', problem: `no valid signature of ${server}`, keyMissing: isKeyMissing(server, raw, lookup) }
  }
  const claimed = isObject(raw.hashes) ? raw.hashes.sha256 : undefined
  const bytes = typeof claimed === 'string' ? decodeBase64(claimed) : undefined
  if (!bytes) return { verdict: 'drop', problem: 'hashes.sha256: must be unpadded base64' }
  if (encodeBase64(bytes) === contentHash(raw, canonicalProfile(version))) return { verdict: 'use' }
  return { verdict: 'redact', event: redact(raw, version) }
}

function isKeyMissing(server: ServerName, raw: JsonObject, lookup: KeyLookup): boolean {
  const signatures = ed25519Signatures(raw, server)
  return signatures.length > 0 && signatures.every(([keyId]) => lookup(server, keyId) === undefined)
}

/**
 * The servers whose signature an event needs: server-server API, "Validating hashes and signatures on received events".
 * Empty only for an invite by a third party, which the inviting server's signature does not cover.
 */
export function requiredSigners(raw: JsonObject, version: RoomVersion): readonly ServerName[] {
  const signers = new Set<ServerName>()
  const content = raw.type === 'm.room.member' && isObject(raw.content) ? raw.content : {}
  const byThirdParty = content.membership === 'invite' && content.third_party_invite !== undefined
  if (!byThirdParty) addServer(signers, parseUserId(raw.sender))
  if (version.eventId === 'in-event') addServer(signers, parseEventId(raw.event_id))
  if (version.auth.restrictedJoins && content.membership === 'join') {
    addServer(signers, parseUserId(content.join_authorised_via_users_server))
  }
  return [...signers]
}

/** The signatures on an event that count, by server: what a key ring has to have at hand. */
export function signaturesToCheck(
  raw: JsonObject,
  version: RoomVersion,
): readonly { server: ServerName; keyIds: readonly string[] }[] {
  return requiredSigners(raw, version).map((server) => ({
    server,
    keyIds: ed25519Signatures(raw, server).map(([keyId]) => keyId),
  }))
}

/** Enough for a change of keys; a server that publishes and uses more makes others work for nothing. */
const maxVerificationsPerServer = 8

function isSignedBy(
  server: ServerName,
  raw: JsonObject,
  text: string,
  version: RoomVersion,
  lookup: KeyLookup,
  holds: SignatureCheck,
): boolean {
  let left = maxVerificationsPerServer
  for (const [keyId, signature] of ed25519Signatures(raw, server)) {
    const known = lookup(server, keyId)
    // Unknown keys cost nothing and are not counted: whoever passes an event on can add any number of them.
    if (!known || (version.enforceKeyValidity && known.validUntilTs < Number(raw.origin_server_ts))) continue
    if (holds(text, signature, known.key)) return true
    if (--left === 0) return false
  }
  return false
}

function ed25519Signatures(raw: JsonObject, server: ServerName): readonly (readonly [keyId: string, signature: string])[] {
  const all = isObject(raw.signatures) && Object.hasOwn(raw.signatures, server) ? raw.signatures[server] : undefined
  if (!isObject(all)) return []
  return Object.entries(all).filter(
    (entry): entry is [string, string] => entry[0].startsWith('ed25519:') && typeof entry[1] === 'string',
  )
}

function addServer(signers: Set<ServerName>, id: UserId | EventId | undefined): void {
  const server = id && serverOf(id)
  if (server) signers.add(server)
}
