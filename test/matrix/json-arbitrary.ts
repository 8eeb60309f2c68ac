import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../../src/matrix/json.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('__proto__', 'constructor', '', '\uffee', '\u{1f600}', '10', '9'),
)
const scalar = fc.oneof(fc.maxSafeInteger(), fc.boolean(), fc.constant(null), text)

/** Any value that has a strict canonical form. */
export const { value: jsonValue, object: jsonObject } = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  value: fc.oneof({ maxDepth: 4, depthIdentifier: 'json' }, scalar, fc.array(tie('value'), { maxLength: 4 }), tie('object')),
  object: fc
    .uniqueArray(fc.tuple(text, tie('value')), { maxLength: 6, selector: ([key]) => key, depthIdentifier: 'json' })
    .map((entries) => Object.fromEntries(entries)),
}))

/** The same value with the keys of all its objects the other way round. */
export function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item as JsonValue)]),
  )
}
