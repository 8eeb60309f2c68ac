import type { JsonObject, JsonValue } from '../json.ts'
import { isArray, isObject } from '../json.ts'
import type { Pdu } from '../pdu.ts'
import { importVerifyKey, verifySignedJson } from '../signatures.ts'
import type { Verdict } from '../verdict.ts'
import { allowed, malformed, rejected } from '../verdict.ts'
import type { Scene } from './scene.ts'

/** More than identity servers need; each pair is a verification that the inviter makes every server do. */
const maxKeys = 16
const maxSignatures = 16

/** Invites that redeem an `m.room.third_party_invite`: rule .1 under "membership is invite". `rule` is its number. */
export function thirdPartyInviteRule(scene: Scene, event: Pdu, target: string, rule: string): Verdict {
  if (scene.membershipOf(target) === 'ban') return rejected(`${rule}.1`, 'the invited user is banned')
  const invite = event.content.third_party_invite
  const signed = isObject(invite) ? invite.signed : undefined
  if (!isObject(signed)) return malformed(`${rule}.2`, 'content.third_party_invite.signed: missing')
  const { mxid, token } = signed
  if (typeof mxid !== 'string' || typeof token !== 'string') {
    return malformed(`${rule}.3`, 'content.third_party_invite.signed: must have mxid and token')
  }
  if (mxid !== target) return rejected(`${rule}.4`, 'content.third_party_invite.signed.mxid: is not the invited user')
  const issued = scene.state('m.room.third_party_invite', token)
  if (!issued) return rejected(`${rule}.5`, 'no third-party invite with this token')
  if (issued.sender !== event.sender) return rejected(`${rule}.6`, 'the third-party invite is of another sender')
  if (isSignedByOneOf(signed, publicKeys(issued.content))) return allowed
  return rejected(`${rule}.8`, 'content.third_party_invite.signed: no signature of a key of the third-party invite')
}

/** Client-server API, `m.room.third_party_invite`: keys may be in either base64 alphabet. */
function publicKeys(content: JsonObject): readonly string[] {
  const more = isArray(content.public_keys) ? content.public_keys : []
  const all = [content.public_key, ...more.map((entry) => (isObject(entry) ? entry.public_key : undefined))]
  const texts = all.filter((key) => typeof key === 'string')
  return [...new Set(texts.map((key) => key.replaceAll('-', '+').replaceAll('_', '/')))].slice(0, maxKeys)
}

function isSignedByOneOf(signed: JsonObject, keys: readonly string[]): boolean {
  const signatures = signaturesOf(signed.signatures)
  return keys.some((text) => {
    const key = importVerifyKey(text)
    return 'keyObject' in key && signatures.some((signature) => verifySignedJson(signed, signature, key))
  })
}

function signaturesOf(byServer: JsonValue | undefined): readonly string[] {
  if (!isObject(byServer)) return []
  return Object.values(byServer)
    .flatMap((byKey) => (isObject(byKey) ? Object.entries(byKey) : []))
    .flatMap(([keyId, signature]) => (keyId.startsWith('ed25519:') && typeof signature === 'string' ? [signature] : []))
    .slice(0, maxSignatures)
}
