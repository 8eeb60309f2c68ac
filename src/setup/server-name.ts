import { parseServerName } from '../matrix/identifiers.ts'

/** The name that was meant, as people type it; undefined: it cannot be the name of a practice's server. */
export function readServerName(typed: string): string | undefined {
  const name = typed
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/\/$/, '')
  if (!/^(?=.{4,230}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$/.test(name)) return undefined
  return parseServerName(name)
}
