import { badGateway, MatrixError } from '../../http/errors.ts'

/** What another server said when it refused a request. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** What is told to whoever asked. Other codes would speak of things between a client and this server: `M_UNKNOWN_TOKEN` would sign people out. */
const passedOn: ReadonlySet<string> = new Set([
  'M_BAD_STATE',
  'M_FORBIDDEN',
  'M_INCOMPATIBLE_ROOM_VERSION',
  'M_INVITE_BLOCKED',
  'M_NOT_FOUND',
  'M_UNABLE_TO_AUTHORISE_JOIN',
  'M_UNABLE_TO_GRANT_JOIN',
  'M_UNSUPPORTED_ROOM_VERSION',
])
const statuses: ReadonlySet<number> = new Set([400, 403, 404])

/** The error that ends a client's request which another server refused. */
export function errorFor({ status, code, message }: Refusal): MatrixError {
  if (passedOn.has(code) && statuses.has(status)) return new MatrixError(status, code as `M_${string}`, message)
  return badGateway(`The other server refused (${status}): ${message}`)
}
