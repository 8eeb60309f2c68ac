import type { ServerName } from '../matrix/identifiers.ts'
import { type Reader, statement } from '../storage/handles.ts'

const known = statement<[number], ServerName>(
  'SELECT server_name FROM server_keys WHERE retired = 0 GROUP BY server_name ORDER BY max(valid_until) DESC LIMIT ?',
  'pluck',
)

/** Servers that proved who they are, those whose keys last longest first. */
export function knownServers(reader: Reader, limit: number): readonly ServerName[] {
  return known(reader).all(limit)
}
