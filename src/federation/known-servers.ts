import type { ServerName } from '../matrix/identifiers.ts'
import { type Reader, statement } from '../storage/handles.ts'

const known = statement<[number, number], ServerName>(
  'SELECT DISTINCT server_name FROM server_keys WHERE retired = 0 AND valid_until > ? ORDER BY valid_until DESC LIMIT ?',
  'pluck',
)

/** Servers that proved who they are, those heard from last first. */
export function knownServers(reader: Reader, now: number, limit: number): readonly ServerName[] {
  return known(reader).all(now, limit)
}
