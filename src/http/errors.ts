import type { Milliseconds } from '../platform/clock.ts'

/** Error codes of the specification that this server answers with. */
export type ErrorCode = `M_${string}`

/**
 * Ends a request with a Matrix error. Only endpoints and what serves them directly throw it; the rules below return verdicts.
 * Source: client-server API, "Standard error response".
 */
export class MatrixError extends Error {
  override readonly name = 'MatrixError'
  readonly status: number
  readonly code: ErrorCode
  /** Further fields of the answer, such as `soft_logout`, `retry_after_ms` or the whole of a user-interactive authentication. */
  readonly fields: Readonly<Record<string, unknown>>

  constructor(status: number, code: ErrorCode, message: string, fields: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.fields = fields
  }
}

const maker = (status: number, code: ErrorCode) => (message: string) => new MatrixError(status, code, message)

export const forbidden = maker(403, 'M_FORBIDDEN')
export const unauthorized = maker(401, 'M_UNAUTHORIZED')
export const notFound = maker(404, 'M_NOT_FOUND')
export const unrecognized = maker(404, 'M_UNRECOGNIZED')
export const notJson = maker(400, 'M_NOT_JSON')
export const badJson = maker(400, 'M_BAD_JSON')
export const missingParam = maker(400, 'M_MISSING_PARAM')
export const invalidParam = maker(400, 'M_INVALID_PARAM')
export const unknown = maker(400, 'M_UNKNOWN')
export const tooLarge = maker(413, 'M_TOO_LARGE')
/** Another server, on which the answer depends, did not do its part. */
export const badGateway = maker(502, 'M_UNKNOWN')

export function limitExceeded(retryAfter: Milliseconds): MatrixError {
  return new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too many requests: try again later', { retry_after_ms: Math.ceil(retryAfter) })
}

export function missingToken(): MatrixError {
  return new MatrixError(401, 'M_MISSING_TOKEN', 'An access token is needed: Authorization: Bearer …')
}

/** `softLogout`: the client may keep its keys and sign in again (expired access token with a refresh token). */
export function unknownToken(softLogout: boolean): MatrixError {
  return new MatrixError(401, 'M_UNKNOWN_TOKEN', softLogout ? 'The access token has expired' : 'The access token is not known', {
    soft_logout: softLogout,
  })
}
