/**
 * JSON values as protocol code sees them. `bigint` and `JsonFloat` occur only in events of room versions 1 to 5, where
 * integers beyond 2^53 and floats were let through and have to be hashed exactly as they were written.
 */
export type JsonValue = null | boolean | number | bigint | string | JsonFloat | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined
}

/** A number written with a fraction or an exponent whose value is integral: `1.0` is not `1` when it is hashed. */
export class JsonFloat {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }

  toJSON(): number {
    return this.value
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonFloat)
}

export function isArray(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value)
}
