import type { JsonObject, JsonValue } from '../json.ts'
import { isObject } from '../json.ts'

/** Names of properties from the outside in: appendices, "Dot-separated property paths". */
export function parsePropertyPath(path: string): readonly string[] {
  const names: string[] = []
  let name = ''
  // A backslash counts only before a dot or a backslash; everywhere else it is itself.
  for (const token of path.match(/\\[.\\]|./gs) ?? []) {
    if (token === '.') {
      names.push(name)
      name = ''
    } else name += token.length === 2 ? token.slice(1) : token
  }
  return [...names, name]
}

export function propertyAt(event: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = event
  for (const name of path) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}
