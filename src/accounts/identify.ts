import { MatrixError, missingParam } from '../http/errors.ts'
import { localpartOf, makeUserId, parseUserId, type ServerName, serverOf, type UserId } from '../matrix/identifiers.ts'
import { isObject } from '../matrix/json.ts'

const maxPasswordLength = 512
const minPasswordLength = 8

/** Undefined: good enough; source: client-server API, "Password management". */
export function passwordProblem(password: string): MatrixError | undefined {
  if (password.length < minPasswordLength)
    return new MatrixError(400, 'M_WEAK_PASSWORD', `password: needs at least ${minPasswordLength} characters`)
  if (password.length > maxPasswordLength)
    return new MatrixError(400, 'M_INVALID_PARAM', `password: has more than ${maxPasswordLength} characters`)
  return undefined
}

/** The user id of a new account; capitals become small. Undefined: not a user name. */
export function newUserId(username: string, server: ServerName): UserId | undefined {
  return makeUserId(username.toLowerCase(), server)
}

/** The account that a localpart or full user id means, as people type it; undefined: it cannot be one of this server. */
export function localUserId(text: string, server: ServerName): UserId | undefined {
  if (!text.startsWith('@')) return newUserId(text, server)
  const userId = parseUserId(text)
  return userId && serverOf(userId) === server ? newUserId(localpartOf(userId), server) : undefined
}

/** Who and with which password, as in `/login` and the stage `m.login.password`; source: client-server API, "Identifier types". */
export interface Credentials {
  /** Undefined: nobody here. */
  readonly userId: UserId | undefined
  /** Named by e-mail address or telephone number: that is nobody, since none can be added. */
  readonly thirdParty: boolean
  readonly password: string
}

export interface CredentialFields {
  readonly identifier?: unknown
  /** The form of old clients. */
  readonly user?: unknown
  readonly password?: unknown
}

export function readCredentials(fields: CredentialFields, server: ServerName): Credentials | { readonly error: MatrixError } {
  const { password } = fields
  if (typeof password !== 'string') return { error: missingParam('password: is required') }
  if (password.length > maxPasswordLength) return { error: new MatrixError(400, 'M_INVALID_PARAM', 'password: is too long') }
  const identifier = fields.identifier === undefined ? { type: 'm.id.user', user: fields.user } : fields.identifier
  if (!isObject(identifier)) return { error: new MatrixError(400, 'M_INVALID_PARAM', 'identifier: must be an object') }
  switch (identifier.type) {
    case 'm.id.user':
      if (typeof identifier.user !== 'string') return { error: missingParam('identifier.user: is required') }
      return { userId: localUserId(identifier.user, server), thirdParty: false, password }
    // Without a type: the example of the specification for login with a third-party identifier.
    case undefined:
    case 'm.id.thirdparty':
    case 'm.id.phone':
      return { userId: undefined, thirdParty: true, password }
    default:
      return { error: new MatrixError(400, 'M_INVALID_PARAM', 'identifier.type: is not known') }
  }
}
