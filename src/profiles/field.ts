import { type ErrorCode, MatrixError } from '../http/errors.ts'
import type { Reader } from '../storage/handles.ts'
import { listProfileFields } from './store.ts'

/** Bytes of a whole profile as JSON; the specification wants it under 64 KiB. */
const maxProfileBytes = 65_535
const maxKeyBytes = 255

/** Characters; far more than a name or an address of a picture needs. Membership events repeat both in every room. */
const maxLengths: Readonly<Record<string, number>> = { displayname: 256, avatar_url: 1000, 'm.tz': 255 }

const commonGrammar = /^[a-z][a-z0-9._-]*$/

interface Problem {
  readonly code: ErrorCode
  readonly message: string
}

/** What is wrong with the name of a field; source: appendices, "Common Namespaced Identifier Grammar". */
export function keyProblem(key: string): Problem | undefined {
  if (Buffer.byteLength(key) > maxKeyBytes)
    return { code: 'M_KEY_TOO_LARGE', message: `keyName: longer than ${maxKeyBytes} bytes` }
  if (!commonGrammar.test(key))
    return { code: 'M_INVALID_PARAM', message: 'keyName: only a-z, 0-9, ".", "_" and "-", a letter first' }
  return undefined
}

/**
 * Reads the new value of a field out of `body`, as JSON; an empty display name or avatar is none, which is how clients of old remove them.
 * Avatars need not be `mxc:` addresses: nothing here follows them, and there are accounts that have others.
 */
export function readValue(key: string, body: Readonly<Record<string, unknown>>): { value: string | undefined } | Problem {
  if (!Object.hasOwn(body, key)) return { code: 'M_MISSING_PARAM', message: `${key}: is required` }
  const other = Object.keys(body).find((name) => name !== key)
  if (other !== undefined) return { code: 'M_BAD_JSON', message: `body: only ${key} can be set here` }
  const value = body[key]
  const maxLength = maxLengths[key]
  if (maxLength !== undefined) {
    if (typeof value !== 'string') return { code: 'M_BAD_JSON', message: `${key}: must be string` }
    if (value.length > maxLength) return { code: 'M_BAD_JSON', message: `${key}: longer than ${maxLength} characters` }
    if (value === '' && key !== 'm.tz') return { value: undefined }
  }
  return { value: JSON.stringify(value) }
}

/** Whether the profile stays under its limit with `value` (JSON) under `key`. */
export function fits(reader: Reader, userId: string, key: string, value: string): boolean {
  let bytes = 2 + fieldBytes(key, value)
  for (const field of listProfileFields(reader, userId)) if (field.key !== key) bytes += fieldBytes(field.key, field.value)
  return bytes <= maxProfileBytes
}

/** `"key":value,` */
function fieldBytes(key: string, value: string): number {
  return Buffer.byteLength(key) + 4 + Buffer.byteLength(value)
}

export function refuse({ code, message }: Problem): never {
  throw new MatrixError(400, code, message)
}
