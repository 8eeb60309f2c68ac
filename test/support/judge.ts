import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { type Documents, descriptionFolder, lookUp, type Operation, operationsOf, readDescription } from './api-description.ts'
import { exceptions } from './judge-exceptions.ts'
import { recordAccepted } from './judged-operations.ts'
import { nameOf } from './operations.ts'

interface Judging {
  readonly ajv: Ajv2020
  readonly documents: Documents
  readonly routes: readonly Route[]
}

interface Route {
  readonly operation: Operation
  readonly pattern: RegExp
}

/** Errors that any operation may answer with, listed or not. Source: client-server API, "Standard error response" and "Common error codes". */
const genericErrors = new Set([400, 401, 403, 404, 405, 413, 429, 500, 503])

let judging: Judging | undefined | 'not yet' = 'not yet'

/**
 * Checks a response against the official API description, throws when it is not what the operation promises, and records the operation
 * when it is. Where the description is not there, it checks only the form of errors.
 */
export function judge(method: string, target: string, response: Response, body: unknown): void {
  if (method === 'OPTIONS' || method === 'HEAD') return
  const { operation, problem } = verdict(method, target, response, body)
  if (problem !== undefined) {
    const asked = `${operation?.id ?? 'no operation'} (${method} ${target}) answered ${response.status}`
    throw new Error(`${asked}: ${problem}\n${excerpt(body)}`)
  }
  if (operation && (response.ok || (exceptions.frozen.has(nameOf(operation)) && response.status === 404)))
    recordAccepted(operation)
}

/** The operation that was asked for, and what is wrong with the answer. */
export function verdict(
  method: string,
  target: string,
  response: Response,
  body: unknown,
): { operation?: Operation; problem?: string } {
  if (judging === 'not yet') judging = prepare()
  // What is v3 was r0 before version 1.1 of the specification.
  const path = (target.split('?')[0] ?? '').replace(/^(\/_matrix\/(?:client|media))\/r0\//, '$1/v3/')
  const operation = judging && operationAt(judging.routes, method, path)
  if (operation && exceptions.statuses.get(nameOf(operation))?.includes(response.status)) return { operation }
  const problem =
    (response.status >= 400 ? problemOfError(response, body) : undefined) ??
    (judging && operation ? problemOfAnswer(judging, operation, response, body) : undefined) ??
    (judging && !operation && response.status < 400 && isOfTheSpecification(path)
      ? 'the official API description has no such operation'
      : undefined)
  return { ...(operation && { operation }), ...(problem !== undefined && { problem }) }
}

/** Other paths, such as those of administration, are nobody's but the server's own. */
function isOfTheSpecification(path: string): boolean {
  return path.startsWith('/_matrix/') || path.startsWith('/.well-known/matrix/')
}

function prepare(): Judging | undefined {
  const folder = descriptionFolder()
  if (!folder) return undefined
  const documents = readDescription(folder)
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false })
  addFormats.default(ajv)
  for (const [format, check] of Object.entries(matrixFormats)) ajv.addFormat(format, check)
  for (const [name, document] of Object.entries(documents)) ajv.addSchema({ ...(document as object), $id: addressOf(name) })
  return {
    ajv,
    documents,
    routes: ['client-server', 'server-server']
      .flatMap((api) => operationsOf(documents, api))
      .map(routeOf)
      .sort(moreSpecificFirst),
  }
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

function routeOf(operation: Operation): Route {
  const parts = operation.path
    .split('/')
    .map((part) => (part.startsWith('{') ? '([^/]+)' : part.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&')))
  // The state key may be empty, and then its slash may be missing, as may the slash at the end of `/pushrules/`.
  if (operation.path.endsWith('/{stateKey}')) parts[parts.length - 1] = '[^/]*'
  const pattern = parts.join('/').replace(/\/(\[\^\/\]\*)?$/, '(?:/$1)?')
  return { operation, pattern: new RegExp(`^${pattern}$`) }
}

function moreSpecificFirst(a: Route, b: Route): number {
  const weigh = ({ operation }: Route) =>
    operation.path
      .split('/')
      .map((part) => (part.startsWith('{') ? '1' : '0'))
      .join('')
  return weigh(a).localeCompare(weigh(b))
}

function operationAt(routes: readonly Route[], method: string, path: string): Operation | undefined {
  return routes.find(({ operation, pattern }) => operation.method === method && pattern.test(path))?.operation
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

function problemOfAnswer(judging: Judging, operation: Operation, response: Response, body: unknown): string | undefined {
  const { status } = response
  const described = lookUp(judging.documents, operation.document, `${operation.pointer}/${status}`)
  if (!described) {
    if (status === 401 && isInteractive(body) && exceptions.interactive.has(nameOf(operation)))
      return problemOfForm(judging.ajv, 'api/client-server/definitions/auth_response.yaml', '', body)
    return genericErrors.has(status) && isGenericError(body) ? undefined : 'the operation describes no such status'
  }
  const content = (described.value as { content?: Record<string, { schema?: unknown }> }).content
  if (!content?.['application/json']) return undefined
  // A token that is not known has the generic form also where 401 describes user-interactive authentication.
  if (status === 401 && isGenericError(body) && !isInteractive(body)) return undefined
  if (body instanceof Uint8Array) return `the answer must be JSON, not ${response.headers.get('content-type')}`
  if (content['application/json'].schema === undefined) return undefined
  return problemOfForm(judging.ajv, described.document, `${described.pointer}/content/application~1json/schema`, body)
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
