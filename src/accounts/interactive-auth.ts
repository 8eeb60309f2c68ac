import { forbidden, MatrixError, missingParam } from '../http/errors.ts'
import type { ServerName, UserId } from '../matrix/identifiers.ts'
import { isObject, type JsonObject } from '../matrix/json.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import { type Random, randomLetters } from '../platform/random.ts'
import type { Storage } from '../storage/storage.ts'
import { readCredentials } from './identify.ts'
import type { PasswordHashing } from './password-hashing.ts'
import { isRegistrationToken, isValidRegistrationToken } from './registration-tokens.ts'
import { findUser } from './store.ts'

type AuthStage = 'm.login.password' | 'm.login.dummy' | 'm.login.registration_token'
export type AuthFlow = readonly AuthStage[]

interface AuthRequest {
  /** The `auth` field of the request's body, unchecked. */
  readonly auth: unknown
  /** What is to be done, for instance `DELETE /devices/X`: an authentication is good for nothing else. */
  readonly operation: string
  /** Stages, in order; one flow has to be completed. */
  readonly flows: readonly AuthFlow[]
  /** Who asks; only that user's password will do. Undefined: nobody is signed in. */
  readonly userId?: string | undefined
}

/** What was proven on the way. */
interface Proven {
  /** Whose password was given. */
  readonly userId?: UserId
  readonly registrationToken?: string
}

/** User-interactive authentication; source: client-server API, "User-Interactive Authentication API". */
export interface InteractiveAuth {
  /** Resolves when a flow is complete. Otherwise ends the request, as a rule with 401 and what is still to do. */
  require(request: AuthRequest): Promise<Proven>
}

export interface InteractiveAuthDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly serverName: ServerName
  readonly passwords: PasswordHashing
}

interface AuthSession {
  readonly id: string
  readonly operation: string
  readonly endsAt: Milliseconds
  completed: readonly AuthStage[]
  proven: Proven
}

const maxSessions = 5000
const sessionLifetime: Milliseconds = 15 * 60_000

export function createInteractiveAuth({ storage, clock, random, serverName, passwords }: InteractiveAuthDeps): InteractiveAuth {
  const sessions = new Map<string, AuthSession>()

  function newSession(operation: string): AuthSession {
    for (const [id, { endsAt }] of sessions) {
      // In order of their ends: the first one alive has only such behind it.
      if (endsAt > clock.now() && sessions.size < maxSessions) break
      sessions.delete(id)
    }
    const id = randomLetters(random, 24)
    const session = { id, operation, endsAt: clock.now() + sessionLifetime, completed: [], proven: {} }
    sessions.set(id, session)
    return session
  }

  function findSession(id: unknown, operation: string): AuthSession | undefined {
    const session = typeof id === 'string' ? sessions.get(id) : undefined
    return session && session.operation === operation && session.endsAt > clock.now() ? session : undefined
  }

  async function checkPassword(auth: JsonObject, userId: string | undefined): Promise<Proven | MatrixError> {
    const credentials = readCredentials(auth, serverName)
    if ('error' in credentials) return credentials.error
    if (credentials.thirdParty) throw forbidden('Nobody here has such a third-party identifier')
    const user = credentials.userId && findUser(storage.reader, credentials.userId)
    if (!(await passwords.verify(credentials.password, user?.passwordHash)) || !user) return forbidden('Wrong user or password')
    if (userId !== undefined && user.userId !== userId) throw forbidden('This is the password of another user')
    return { userId: user.userId }
  }

  function checkRegistrationToken(auth: JsonObject): Proven | MatrixError {
    if (auth.token === undefined) return missingParam('auth.token: is required')
    if (!isRegistrationToken(auth.token) || !isValidRegistrationToken(storage.reader, auth.token, clock.now()))
      return new MatrixError(401, 'M_FORBIDDEN', 'The registration token is not valid')
    return { registrationToken: auth.token }
  }

  function attempt(
    stage: AuthStage,
    auth: JsonObject,
    userId: string | undefined,
  ): Promise<Proven | MatrixError> | Proven | MatrixError {
    if (stage === 'm.login.password') return checkPassword(auth, userId)
    if (stage === 'm.login.registration_token') return checkRegistrationToken(auth)
    return {}
  }

  async function require({ auth, flows, userId, ...request }: AuthRequest): Promise<Proven> {
    const operation = `${request.operation} ${userId ?? ''}`
    if (auth === undefined || auth === null) throw unfinished(newSession(operation), flows)
    if (!isObject(auth)) throw new MatrixError(400, 'M_BAD_JSON', 'auth: must be an object')
    // Clients that know the flow answer it in their first request, without a session.
    const session =
      auth.session === undefined || auth.session === null ? newSession(operation) : findSession(auth.session, operation)
    if (!session) throw unfinished(newSession(operation), flows, forbidden('The session is not known or has ended: begin anew'))
    const repeated = session.completed.some((stage) => stage === auth.type)
    if (auth.type !== undefined && !repeated) {
      const stage = nextStages(flows, session.completed).find((next) => next === auth.type)
      if (!stage)
        throw unfinished(session, flows, new MatrixError(401, 'M_UNRECOGNIZED', 'auth.type: is not a stage that comes next'))
      const result = await attempt(stage, auth, userId)
      if (result instanceof MatrixError) throw unfinished(session, flows, result)
      session.completed = [...session.completed, stage]
      session.proven = { ...session.proven, ...result }
    }
    if (!flows.some((flow) => flow.length === session.completed.length && isPrefix(session.completed, flow)))
      throw unfinished(session, flows)
    sessions.delete(session.id)
    return session.proven
  }

  return { require }
}

function isPrefix(start: readonly AuthStage[], flow: AuthFlow): boolean {
  return start.every((stage, index) => flow[index] === stage)
}

function nextStages(flows: readonly AuthFlow[], completed: readonly AuthStage[]): AuthStage[] {
  return flows.flatMap((flow) => (isPrefix(completed, flow) ? flow.slice(completed.length, completed.length + 1) : []))
}

/** 401 with what is to do. Clients take an `errcode` for a failed stage and show it, so without one there must be none. */
function unfinished(session: AuthSession, flows: readonly AuthFlow[], failure?: MatrixError): MatrixError {
  const fields = {
    flows: flows.map((stages) => ({ stages })),
    params: {},
    session: session.id,
    ...(session.completed.length > 0 && { completed: session.completed }),
  }
  if (failure) return new MatrixError(401, failure.code, failure.message, fields)
  return new MatrixError(401, 'M_FORBIDDEN', 'More authentication is needed', { errcode: undefined, error: undefined, ...fields })
}
