import type { JsonObject } from '../matrix/json.ts'
import type { Writer } from '../storage/handles.ts'
import { type RuleChanges, withAdjusted, withRule } from './rules.ts'
import { findRuleChanges, putRuleChanges } from './store.ts'

/** A user's rules that are named after a room, for the room that replaces it too. Source: client-server API, "Room Upgrades". */
export function transferRoomRules(tx: Writer, userId: string, from: string, to: string): void {
  const before = findRuleChanges(tx, userId)
  let changes: RuleChanges = before
  for (const kind of ['override', 'room'] as const) {
    const rules = changes.own[kind] ?? []
    const rule = rules.find(({ rule_id }) => rule_id === from)
    if (!rule || rules.some(({ rule_id }) => rule_id === to)) continue
    const { conditions, enabled, ...rest } = rule
    const moved = { ...rest, rule_id: to, ...(conditions && { conditions: conditions.map((one) => aboutRoom(one, from, to)) }) }
    const changed = withRule(changes, kind, moved, { after: from })
    if (!('unplaced' in changed)) changes = withAdjusted(userId, changed, kind, to, { enabled }) ?? changed
  }
  if (changes !== before) putRuleChanges(tx, userId, changes)
}

function aboutRoom(condition: JsonObject, from: string, to: string): JsonObject {
  return condition.key === 'room_id' && condition.pattern === from ? { ...condition, pattern: to } : condition
}
