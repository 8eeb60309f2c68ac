import { canonicalJson } from '../matrix/canonical-json.ts'
import { parseServerName, type ServerName } from '../matrix/identifiers.ts'
import type { JsonObject, JsonValue } from '../matrix/json.ts'
import { type Signer, type VerifyKey, verifyText } from '../matrix/signatures.ts'

/** A request between servers, as its signature covers it. Source: server-server API, "Request Authentication". */
export interface SignedRequest {
  readonly method: string
  /** Path and query, as they are sent. */
  readonly target: string
  readonly destination: ServerName
  /** Undefined: no body. */
  readonly content: JsonValue | undefined
}

/** What an `Authorization` header says; none of it is proven. */
export interface Authorization {
  readonly origin: ServerName
  /** Undefined: servers of before version 1.3 do not say. */
  readonly destination: string | undefined
  readonly keyId: string
  /** Base64. */
  readonly signature: string
}

/**
 * The value of the `Authorization` header of a request of this server.
 * @throws CanonicalJsonError: the content cannot be signed
 */
export function authorizationFor(signer: Signer, request: SignedRequest): string {
  const { serverName, keyId } = signer
  // Transactions carry events of room versions that knew floats and larger numbers.
  const signed = signer.signJson(coveredBy(serverName, request), 'lenient') as {
    signatures: Record<string, Record<string, string>>
  }
  const signature = signed.signatures[serverName]?.[keyId]
  return `X-Matrix origin="${serverName}",destination="${request.destination}",key="${keyId}",sig="${signature}"`
}

/** Whether the signature is one of this key over this request. `content` must come from `parseJson`: whatever that reads has a canonical form. */
export function isSigned(request: SignedRequest, { origin, signature }: Authorization, key: VerifyKey): boolean {
  return verifyText(canonicalJson(coveredBy(origin, request), 'lenient'), signature, key)
}

function coveredBy(origin: ServerName, { method, target, destination, content }: SignedRequest): JsonObject {
  return { method, uri: target, origin, destination, ...(content !== undefined && { content }) }
}

const maxHeader = 4096
/** RFC 9110, section 5.6.2; servers of old leave values with colons without quotes. */
const parameter = /^[ \t]*([!#$%&'*+.^_`|~\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~\w:-]+))[ \t]*(,|$)/

/** Reads an `Authorization` header; source: server-server API, "Request Authentication", and RFC 9110, section 11.4. */
export function parseAuthorization(header: string): Authorization | { readonly problem: string } {
  if (header.length > maxHeader) return { problem: 'longer than any real one' }
  const scheme = /^X-Matrix +/i.exec(header)
  if (!scheme) return { problem: 'not of the kind X-Matrix' }
  const values = new Map<string, string>()
  for (let rest = header.slice(scheme[0].length), more = true; more; ) {
    const match = parameter.exec(rest)
    if (!match?.[1]) return { problem: 'not a list of name="value"' }
    const name = match[1].toLowerCase()
    if (values.has(name)) return { problem: `${name} is there twice` }
    values.set(name, match[3] ?? match[2]?.replaceAll(/\\(.)/g, '$1') ?? '')
    rest = rest.slice(match[0].length)
    more = match[4] === ','
  }
  const [origin, keyId, signature] = [parseServerName(values.get('origin')), values.get('key'), values.get('sig')]
  if (origin === undefined) return { problem: 'origin: must be the name of a server' }
  if (keyId === undefined || !/^ed25519:\w{1,255}$/.test(keyId)) return { problem: 'key: must be the id of an ed25519 key' }
  if (signature === undefined) return { problem: 'sig: is required' }
  return { origin, destination: values.get('destination'), keyId, signature }
}
