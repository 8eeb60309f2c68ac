import type { SyncQuery } from '../rooms/sync-stream.ts'
import { pushRulesOf, rulesPosition } from './store.ts'

/** The global account data `m.push_rules`, whenever it changed; source: client-server API, "Push Rules: Events". */
export function pushRulesSource({ reader, userId, from, to }: SyncQuery): readonly { type: string; content: string }[] {
  const position = rulesPosition(reader, userId)
  if (from !== 0 && (position <= from || position > to)) return []
  return [{ type: 'm.push_rules', content: JSON.stringify(pushRulesOf(reader, userId)) }]
}
