import { canonicalJson, checkCanonical } from '../matrix/canonical-json.ts'
import { isObject, type JsonObject, type JsonValue } from '../matrix/json.ts'
import { importVerifyKey, verifySignedJson } from '../matrix/signatures.ts'

/** The canonical text of a value that was checked when it came in, or comes from storage. */
export function canonicalText(value: JsonValue): string {
  return canonicalJson(value)
}

/** An object from storage. */
export function readSigned(json: string): JsonObject {
  return JSON.parse(json) as JsonObject
}

/** The canonical text of what came in, or what keeps it from having one. */
export function toCanonical(value: unknown, field: string): { readonly text: string } | { readonly problem: string } {
  const problem = checkCanonical(value as JsonValue)
  return problem ? { problem: `${field}: ${problem}` } : { text: canonicalJson(value as JsonValue) }
}

/** The text that says whether two objects are the same but for their signatures. */
export function bareText(object: JsonObject): string {
  return canonicalText({ ...object, signatures: undefined, unsigned: undefined })
}

export function signaturesBy(object: JsonObject, userId: string): Readonly<Record<string, string>> {
  const all = isObject(object.signatures) ? object.signatures : {}
  const own = Object.hasOwn(all, userId) ? all[userId] : undefined
  if (!isObject(own)) return {}
  return Object.fromEntries(Object.entries(own).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

/** A copy with further signatures by one user. */
export function withSignatures(object: JsonObject, userId: string, more: Readonly<Record<string, string>>): JsonObject {
  const all = isObject(object.signatures) ? object.signatures : {}
  return { ...object, signatures: { ...all, [userId]: { ...signaturesBy(object, userId), ...more } } }
}

/** Whether `signature` over `object` is by the ed25519 key `publicKey` (unpadded base64). */
export function isSignedBy(object: JsonObject, signature: string, publicKey: string): boolean {
  const key = importVerifyKey(publicKey)
  return 'keyObject' in key && verifySignedJson(object, signature, key)
}
