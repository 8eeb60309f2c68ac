import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import {
  type DescribedOperation,
  type Documents,
  descriptionFolder,
  lookUp,
  operationsOf,
  readDescription,
} from './api-description.ts'
import { exceptions } from './judge-exceptions.ts'
import { recordAccepted } from './judged-operations.ts'
import { type ListedOperation, nameOf, operations } from './operations.ts'

interface Description {
  readonly ajv: Ajv2020
  readonly documents: Documents
  /** By `GET /path`. */
  readonly described: ReadonlyMap<string, DescribedOperation>
}

interface Verdict {
  readonly operation: ListedOperation | undefined
  /** What is wrong with the answer. */
  readonly problem: string | undefined
  /** Whether there was a description to judge by. */
  readonly described: boolean
}

/**
 * Errors that any operation may answer with, listed or not. Source: client-server API, "Standard error response" and "Common error codes";
 * 502 from RFC 9110, section 15.6.3, where another server was asked.
 */
const genericErrors = new Set([400, 401, 403, 404, 405, 413, 429, 500, 502, 503])

let description: Description | undefined | 'not yet' = 'not yet'

/**
 * Checks a response against the official API description, throws when it is not what the operation promises, and records the operation
 * when it is. Where the description is not there, it checks only the form of errors.
 */
export function judge(method: string, target: string, response: Response, body: unknown): void {
  if (method === 'OPTIONS' || method === 'HEAD') return
  const { operation, problem, described } = verdict(method, target, response, body)
  if (problem !== undefined) {
    const asked = `${operation?.id ?? 'no operation'} (${method} ${target}) answered ${response.status}`
    throw new Error(`${asked}: ${problem}\n${excerpt(body)}`)
  }
  if (!operation || !described) return
  if (response.ok || (response.status === 404 && exceptions.frozen.has(nameOf(operation)))) recordAccepted(operation)
}

/** The operation that was asked for, and what is wrong with the answer. */
export function verdict(method: string, target: string, response: Response, body: unknown): Verdict {
  if (description === 'not yet') description = prepare()
  // What is v3 was r0 before version 1.1 of the specification.
  const path = (target.split('?')[0] ?? '').replace(/^(\/_matrix\/(?:client|media))\/r0\//, '$1/v3/')
  const operation = routes.find((route) => route.operation.method === method && route.pattern.test(path))?.operation
  const problem = operation
    ? problemOfOperation(description, operation, response, body)
    : response.status >= 400
      ? problemOfError(response, body)
      : isOfTheSpecification(path)
        ? 'the official API description has no such operation'
        : undefined
  return { operation, problem, described: description !== undefined }
}

function problemOfOperation(
  description: Description | undefined,
  operation: ListedOperation,
  response: Response,
  body: unknown,
): string | undefined {
  if (exceptions.statuses.get(nameOf(operation))?.includes(response.status)) return undefined
  const problem = response.status >= 400 ? problemOfError(response, body) : undefined
  return problem ?? (description && problemOfAnswer(description, operation, response, body))
}

/** Other paths, such as those of administration, are nobody's but the server's own. */
function isOfTheSpecification(path: string): boolean {
  return path.startsWith('/_matrix/') || path.startsWith('/.well-known/matrix/')
}

function prepare(): Description | undefined {
  const folder = descriptionFolder()
  if (!folder) return undefined
  const documents = readDescription(folder)
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false })
  addFormats.default(ajv)
  for (const [format, check] of Object.entries(matrixFormats)) ajv.addFormat(format, check)
  for (const [name, document] of Object.entries(documents)) ajv.addSchema({ ...(document as object), $id: addressOf(name) })
  const described = ['client-server', 'server-server'].flatMap((api) => operationsOf(documents, api))
  return { ajv, documents, described: new Map(described.map((operation) => [nameOf(operation), operation])) }
}

const addressOf = (document: string) => `https://matrix-spec.test/${document}`

/** Source: the description's list of string formats, and the sections of the appendices that it names. */
const matrixFormats: Readonly<Record<string, RegExp>> = {
  'mx-user-id': /^@[^:]*:.+$/,
  'mx-event-id': /^\$.+$/,
  'mx-room-id': /^!.+$/,
  'mx-room-alias': /^#[^:]*:.+$/,
  'mx-server-name': /^(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,230})(:\d{1,5})?$/,
  'mx-mxc-uri': /^mxc:\/\/[^/]+\/[A-Za-z0-9_-]+$/,
  'mx-unpadded-base64': /^[A-Za-z0-9+/]*$/,
  'mx-urlsafe-unpadded-base64': /^[A-Za-z0-9_-]*$/,
}

interface Route {
  readonly operation: ListedOperation
  readonly pattern: RegExp
}

/** The paths that this server may serve, those with fewer variable parts first. */
const routes: readonly Route[] = operations
  .filter(({ api }) => api === 'client-server' || api === 'server-server')
  .map((operation) => ({ operation, pattern: patternOf(operation.path) }))
  .sort((a, b) => shapeOf(a.operation.path).localeCompare(shapeOf(b.operation.path)))

function patternOf(path: string): RegExp {
  const parts = path.split('/').map((part) => (part.startsWith('{') ? '[^/]+' : part.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&')))
  // The state key may be empty, and then its slash may be missing, as may the slash at the end of `/pushrules/`.
  if (path.endsWith('/{stateKey}')) parts[parts.length - 1] = '[^/]*'
  return new RegExp(`^${parts.join('/').replace(/\/(\[\^\/\]\*)?$/, '(?:/$1)?')}$`)
}

function shapeOf(path: string): string {
  return path.replaceAll(/[^/]+/g, (part) => (part.startsWith('{') ? '1' : '0'))
}

function problemOfError(response: Response, body: unknown): string | undefined {
  const { errcode, error } = (body ?? {}) as Record<string, unknown>
  // The first answer of user-interactive authentication has no error; its schema is checked as the operation describes it.
  if (response.status === 401 && isInteractive(body)) return undefined
  if (body instanceof Uint8Array) return 'an error must be JSON'
  if (typeof errcode !== 'string' || errcode === '') return 'an error must have a text errcode'
  if (typeof error !== 'string' || error === '') return 'an error must have a text error'
  return undefined
}

function problemOfAnswer(
  { ajv, documents, described: operations }: Description,
  operation: ListedOperation,
  response: Response,
  body: unknown,
): string | undefined {
  const place = operations.get(nameOf(operation))
  if (!place) return 'the description has no such operation'
  const { status } = response
  const described = lookUp(documents, place.document, `${place.pointer}/${status}`)
  if (!described) {
    if (status === 401 && isInteractive(body) && exceptions.interactive.has(nameOf(operation)))
      return problemOfForm(ajv, 'api/client-server/definitions/auth_response.yaml', '', body)
    return genericErrors.has(status) && isGenericError(body) ? undefined : 'the operation describes no such status'
  }
  const content = (described.value as { content?: Record<string, { schema?: unknown }> }).content
  if (!content?.['application/json']) return undefined
  // A token that is not known has the generic form also where 401 describes user-interactive authentication.
  if (status === 401 && isGenericError(body) && !isInteractive(body)) return undefined
  if (body instanceof Uint8Array) return `the answer must be JSON, not ${response.headers.get('content-type')}`
  if (content['application/json'].schema === undefined) return undefined
  const judged = exceptions.withoutOrigin.has(nameOf(operation)) ? withOrigin(body) : body
  return problemOfForm(ajv, described.document, `${described.pointer}/content/application~1json/schema`, judged)
}

/** The answer, alone or behind its status, as if its event had an `origin`. */
function withOrigin(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(withOrigin)
  if (typeof body !== 'object' || body === null || !('event' in body)) return body
  return { ...body, event: { origin: 'anybody', ...(body.event as object) } }
}

function problemOfForm(ajv: Ajv2020, document: string, pointer: string, body: unknown): string | undefined {
  const validate = validatorFor(ajv, document, pointer)
  if (validate(body)) return undefined
  const errors = validate.errors ?? []
  return errors
    .map(({ instancePath, message, params }) => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`)
    .join('\n')
}

/** Source: client-server API, "User-interactive API in the REST API". */
function isInteractive(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, 'flows')
}

function isGenericError(body: unknown): boolean {
  return typeof (body as { errcode?: unknown } | null)?.errcode === 'string'
}

const validators = new Map<string, ValidateFunction>()

function validatorFor(ajv: Ajv2020, document: string, pointer: string): ValidateFunction {
  const address = `${addressOf(document)}#${pointer.split('/').map(encodeURIComponent).join('/')}`
  const known = validators.get(address)
  if (known) return known
  const made = ajv.compile({ $ref: address })
  validators.set(address, made)
  return made
}

function excerpt(body: unknown): string {
  if (body instanceof Uint8Array) return `(${body.length} bytes)`
  const text = JSON.stringify(body) ?? 'no body'
  return text.length > 2000 ? `${text.slice(0, 2000)} …` : text
}
