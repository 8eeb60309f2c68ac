import type { JsonValue } from './json.ts'
import { JsonFloat } from './json.ts'

/**
 * A JSON reader for text whose every digit matters. `JSON.parse` cannot serve: it takes `1.0` for `1`, rounds integers beyond
 * 2^53, and lets duplicate keys and lone surrogates through. Use it through `parseJson` in canonical-json.ts.
 */
export interface ReadOptions {
  readonly lenient: boolean
  readonly maxDepth: number
}

interface Reader {
  readonly text: string
  readonly lenient: boolean
  at: number
  /** Values that may still come. */
  left: number
}

/** Stops the reader; never leaves this file. */
class JsonProblem extends Error {}

/**
 * Values of a text: any real one has fewer. A text of nothing but empty arrays would become twenty times as large in memory, and take seconds
 * during which nothing else is done.
 */
const maxValues = (text: string) => 100_000 + text.length / 16
/** Turning digits into a bigint costs more than linear time. */
const maxDigits = 4300

export function readJson(
  text: string,
  { lenient, maxDepth }: ReadOptions,
): { readonly value: JsonValue } | { readonly problem: string } {
  const reader: Reader = { text, lenient, at: 0, left: maxValues(text) }
  try {
    if (!text.isWellFormed()) return { problem: 'the text has a lone surrogate' }
    skipBlanks(reader)
    const value = readValue(reader, maxDepth)
    skipBlanks(reader)
    if (reader.at < text.length) fail(reader, 'text after the value')
    return { value }
  } catch (error) {
    if (error instanceof JsonProblem) return { problem: error.message }
    throw error
  }
}

function fail(reader: Reader, problem: string): never {
  throw new JsonProblem(`${problem} at character ${reader.at + 1}`)
}

function skipBlanks(reader: Reader): void {
  const { text } = reader
  for (;;) {
    const code = text.charCodeAt(reader.at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
    reader.at++
  }
}

function readValue(reader: Reader, depthLeft: number): JsonValue {
  if (--reader.left < 0) fail(reader, 'too many values')
  switch (reader.text.charCodeAt(reader.at)) {
    case 0x22: // "
      return readString(reader)
    case 0x7b: // {
      return readObject(reader, depthLeft)
    case 0x5b: // [
      return readArray(reader, depthLeft)
    case 0x74: // t
      return readWord(reader, 'true', true)
    case 0x66: // f
      return readWord(reader, 'false', false)
    case 0x6e: // n
      return readWord(reader, 'null', null)
    default:
      return readNumber(reader)
  }
}

function readWord<Value extends JsonValue>(reader: Reader, word: string, value: Value): Value {
  if (!reader.text.startsWith(word, reader.at)) fail(reader, 'not a value')
  reader.at += word.length
  return value
}

function readObject(reader: Reader, depthLeft: number): JsonValue {
  if (depthLeft === 0) fail(reader, 'nested too deeply')
  const object: Record<string, JsonValue> = {}
  if (opensEmpty(reader, 0x7d)) return object
  do {
    skipBlanks(reader)
    if (reader.text.charCodeAt(reader.at) !== 0x22) fail(reader, 'expected a key in double quotes')
    const start = reader.at
    const key = readString(reader)
    if (Object.hasOwn(object, key)) {
      reader.at = start
      fail(reader, 'duplicate key')
    }
    skipBlanks(reader)
    if (reader.text.charCodeAt(reader.at) !== 0x3a) fail(reader, 'expected a colon')
    reader.at++
    skipBlanks(reader)
    setOwn(object, key, readValue(reader, depthLeft - 1))
  } while (continues(reader, 0x7d))
  return object
}

/** Assigning `__proto__` would change the prototype instead of making a key. */
function setOwn(object: Record<string, JsonValue>, key: string, value: JsonValue): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  else object[key] = value
}

function readArray(reader: Reader, depthLeft: number): JsonValue {
  if (depthLeft === 0) fail(reader, 'nested too deeply')
  const items: JsonValue[] = []
  if (opensEmpty(reader, 0x5d)) return items
  do {
    skipBlanks(reader)
    items.push(readValue(reader, depthLeft - 1))
  } while (continues(reader, 0x5d))
  return items
}

/** Steps over the opening bracket, and over the closing one if nothing is between them. */
function opensEmpty(reader: Reader, closing: number): boolean {
  reader.at++
  skipBlanks(reader)
  if (reader.text.charCodeAt(reader.at) !== closing) return false
  reader.at++
  return true
}

/** Steps over the comma (true) or the closing bracket (false) behind an item. */
function continues(reader: Reader, closing: number): boolean {
  skipBlanks(reader)
  const code = reader.text.charCodeAt(reader.at)
  if (code !== 0x2c && code !== closing) fail(reader, 'expected a comma or the end')
  reader.at++
  return code === 0x2c
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be found.
const control = /[\u0000-\u001f]/
const badEscape = /\\(?:u(?![0-9A-Fa-f]{4})|[^"\\/bfnrtu])/

function readString(reader: Reader): string {
  const { text } = reader
  const start = reader.at
  let end = text.indexOf('"', start + 1)
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  if (end === -1) fail(reader, 'the string has no end')
  const inner = text.slice(start + 1, end)
  if (control.test(inner)) fail(reader, 'control character in a string')
  if (!inner.includes('\\')) {
    reader.at = end + 1
    return inner
  }
  // Escaped backslashes are taken out first, so that each one left begins an escape.
  if (badEscape.test(inner.replaceAll('\\\\', '--'))) fail(reader, 'unknown escape in a string')
  const value: string = JSON.parse(`"${inner}"`)
  if (!value.isWellFormed()) fail(reader, 'lone surrogate in a string')
  reader.at = end + 1
  return value
}

/** Whether an odd number of backslashes stands before the position. */
function isEscaped(text: string, at: number): boolean {
  let before = at
  while (text.charCodeAt(before - 1) === 0x5c) before--
  return (at - before) % 2 === 1
}

const number = /(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][+-]?[0-9]+)?/y

function readNumber(reader: Reader): JsonValue {
  number.lastIndex = reader.at
  const match = number.exec(reader.text)
  if (!match) return fail(reader, reader.at < reader.text.length ? 'not a value' : 'the text ends early')
  const [written, integer, fraction, exponent] = match
  const value = Number(written)
  if (fraction === undefined && exponent === undefined) {
    if (Number.isSafeInteger(value)) return writtenInteger(reader, written, value)
    if (!reader.lenient) fail(reader, 'integer beyond ±(2^53-1)')
    if (integer!.length > maxDigits) fail(reader, `integer of more than ${maxDigits} digits`)
    return writtenInteger(reader, written, BigInt(written))
  }
  if (!reader.lenient) fail(reader, 'number that is not written as an integer')
  if (!Number.isFinite(value)) fail(reader, 'number too large')
  reader.at += written.length
  return Number.isInteger(value) ? new JsonFloat(value) : value
}

function writtenInteger<Value extends number | bigint>(reader: Reader, written: string, value: Value): Value | number {
  reader.at += written.length
  return value === 0 ? 0 : value
}
