import { parseJson } from '../matrix/canonical-json.ts'
import type { JsonValue } from '../matrix/json.ts'
import type { Endpoint, Peer } from './endpoint.ts'
import { type MatrixError, notJson, unauthorized } from './errors.ts'
import { readBody } from './json-body.ts'

/** What a signature covers of a request between servers. */
export interface SignedParts {
  readonly method: string
  /** Path and query, as they were sent. */
  readonly target: string
  /** Undefined: no body. */
  readonly content: JsonValue | undefined
}

type Failed = { readonly error: MatrixError }

/** Finds out which server sent a request, in two steps, so that nothing is read or fetched for one that cannot be right. */
export type ServerAuthentication = (authorization: string | null) => ServerClaim | Failed

export interface ServerClaim {
  /** May have to ask the other server for its keys. */
  verify(parts: SignedParts): Promise<{ readonly peer: Peer } | Failed>
}

/**
 * Reads a signed request. Its body is not `JSON.parse`d: a signature covers numbers as they were written, and a name that is there twice
 * would be one thing to the signature and another to the reader. Such numbers arrive as `bigint` and `JsonFloat`.
 */
export async function readSigned(
  endpoint: Endpoint,
  request: Request,
  target: string,
  authenticate: ServerAuthentication | undefined,
): Promise<{ readonly peer: Peer; readonly body: JsonValue | undefined } | Failed> {
  const claim = authenticate?.(request.headers.get('authorization')) ?? { error: unauthorized('No server is known here') }
  if ('error' in claim) return claim
  let content: JsonValue | undefined
  if (endpoint.body) {
    const read = await readBody(request, endpoint.maxBody)
    if ('error' in read) return read
    const parsed = parseJson(read.text, 'lenient')
    if ('problem' in parsed) return { error: notJson(`body: ${parsed.problem}`) }
    content = parsed.value
  }
  const verified = await claim.verify({ method: request.method, target, content })
  return 'error' in verified ? verified : { peer: verified.peer, body: content }
}
