import type { JsonObject, JsonValue } from './json.ts'
import { isArray, JsonFloat } from './json.ts'
import { readJson } from './json-reader.ts'

/**
 * Canonical JSON: specification, appendices, "Canonical JSON".
 * `strict`: what room versions 6 and later and all other signed JSON allow. `lenient`: room versions 1 to 5, which let
 * integers of any size and floats through; floats are written as Python writes them, since the servers of that time did.
 */
export type CanonicalProfile = 'strict' | 'lenient'

/** The value has no canonical form. The message names the path to the culprit. */
export class CanonicalJsonError extends Error {
  override readonly name = 'CanonicalJsonError'
}

/** Nesting beyond this is refused, so that no input can exhaust the stack. */
export const maxJsonDepth = 512

/**
 * The canonical text of a value; keys whose value is undefined are left out, as `JSON.stringify` does.
 * @throws CanonicalJsonError
 */
export function canonicalJson(value: JsonValue, profile: CanonicalProfile = 'strict'): string {
  const text = write(value, maxJsonDepth, profile === 'lenient')
  if (text === undefined) throw new CanonicalJsonError(checkCanonical(value, profile))
  return text
}

/** What keeps a value from having a canonical form, with its path, or undefined. */
export function checkCanonical(value: JsonValue, profile: CanonicalProfile = 'strict'): string | undefined {
  const found = findProblem(value, maxJsonDepth, profile === 'lenient')
  if (!found) return undefined
  const path = found.path.reverse().join('.')
  return path === '' ? found.problem : `${path.length > 200 ? `${path.slice(0, 200)}…` : path}: ${found.problem}`
}

/**
 * Reads JSON text. Beyond what `JSON.parse` refuses: duplicate keys, lone surrogates, nesting beyond `maxJsonDepth`, and in the
 * strict profile every number that is not written as an integer within ±(2^53-1). The lenient profile keeps such numbers exactly.
 */
export function parseJson(text: string, profile: CanonicalProfile): { readonly value: JsonValue } | { readonly problem: string } {
  return readJson(text, { lenient: profile === 'lenient', maxDepth: maxJsonDepth })
}

// The writer answers undefined instead of throwing or tracking a path: the hot path pays for neither, and a failure is
// located afterwards by `findProblem`.
function write(value: JsonValue | undefined, depthLeft: number, lenient: boolean): string | undefined {
  switch (typeof value) {
    case 'string':
      return quote(value)
    case 'number':
      if (Number.isSafeInteger(value)) return `${value}`
      return lenient && isFraction(value) ? writeFloat(value) : undefined
    case 'boolean':
      return value ? 'true' : 'false'
    case 'bigint':
      return lenient ? `${value}` : undefined
    case 'object':
      if (value === null) return 'null'
      if (depthLeft === 0) return undefined
      if (isArray(value)) return writeArray(value, depthLeft - 1, lenient)
      if (value instanceof JsonFloat) return lenient ? writeFloat(value.value) : undefined
      return writeObject(value, depthLeft - 1, lenient)
    default:
      return undefined
  }
}

function writeArray(values: readonly JsonValue[], depthLeft: number, lenient: boolean): string | undefined {
  let text = '['
  for (let i = 0; i < values.length; i++) {
    const item = write(values[i], depthLeft, lenient)
    if (item === undefined) return undefined
    text += i === 0 ? item : `,${item}`
  }
  return `${text}]`
}

function writeObject(object: JsonObject, depthLeft: number, lenient: boolean): string | undefined {
  const keys = sortedKeys(object)
  let text = '{'
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    const value = object[key]
    if (value === undefined) continue
    const quoted = quote(key)
    const item = write(value, depthLeft, lenient)
    if (quoted === undefined || item === undefined) return undefined
    text += text.length === 1 ? `${quoted}:${item}` : `,${quoted}:${item}`
  }
  return `${text}}`
}

/** Characters that stand for themselves and whose UTF-16 order is the order of code points. */
const plain = /^[ !#-[\]-\ud7ff]*$/

function quote(text: string): string | undefined {
  if (plain.test(text)) return `"${text}"`
  return text.isWellFormed() ? JSON.stringify(text) : undefined
}

function sortedKeys(object: JsonObject): string[] {
  const keys = Object.keys(object)
  let sorted = true
  for (let i = 0; i < keys.length; i++) {
    if (!plain.test(keys[i]!)) return keys.sort(byCodePoint)
    if (i > 0 && keys[i - 1]! > keys[i]!) sorted = false
  }
  return sorted ? keys : keys.sort()
}

function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Surrogates stand for code points above U+FFFF, so they come after U+E000 to U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit > 0xdfff ? unit - 0x800 : unit + 0x2000
}

function isFraction(value: number): boolean {
  // An integral number beyond 2^53 has lost its digits before it came here: nobody knows what was written.
  return Number.isFinite(value) && !Number.isInteger(value)
}

/** Python's `repr` of a float: the shortest digits, an exponent below 1e-4 and from 1e16 on, `.0` where integral. */
function writeFloat(value: number): string | undefined {
  if (!Number.isFinite(value)) return undefined
  const [digits, exponent] = value.toExponential().split('e') as [string, string]
  const power = Number(exponent)
  if (value !== 0 && (power < -4 || power >= 16)) {
    return `${digits}e${power < 0 ? '-' : '+'}${`${Math.abs(power)}`.padStart(2, '0')}`
  }
  if (Object.is(value, -0)) return '-0.0'
  return Number.isInteger(value) ? `${value}.0` : `${value}`
}

interface Found {
  readonly problem: string
  /** Innermost first. */
  readonly path: string[]
}

function findProblem(value: JsonValue | undefined, depthLeft: number, lenient: boolean): Found | undefined {
  if (typeof value !== 'object' || value === null || value instanceof JsonFloat) {
    return write(value, depthLeft, lenient) === undefined ? { problem: scalarProblem(value), path: [] } : undefined
  }
  if (depthLeft === 0) return { problem: `nested deeper than ${maxJsonDepth}`, path: [] }
  const array = isArray(value)
  for (const key of Object.keys(value)) {
    const item = array ? value[Number(key)] : value[key]
    if (item === undefined && !array) continue
    const found = key.isWellFormed()
      ? findProblem(item, depthLeft - 1, lenient)
      : { problem: 'the key has a lone surrogate', path: [] }
    if (found) {
      found.path.push(key.toWellFormed())
      return found
    }
  }
  return undefined
}

function scalarProblem(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return 'the string has a lone surrogate'
    case 'number':
      return Number.isInteger(value) ? 'the integer is beyond ±(2^53-1)' : 'the number is not an integer'
    case 'bigint':
      return 'the integer is beyond ±(2^53-1)'
    default:
      return value instanceof JsonFloat ? 'the number is not an integer' : 'not a JSON value'
  }
}
