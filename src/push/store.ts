import type { Database } from 'better-sqlite3'
import type { PushRuleset } from '../matrix/push/ruleset.ts'
import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'
import { noChanges, type RuleChanges, rulesetFrom } from './rules.ts'

const changesOf = statement<[string], { position: Position; changes: string }>(
  'SELECT position, changes FROM push_rules WHERE user_id = ?',
)
const positionOf = statement<[string], Position>('SELECT position FROM push_rules WHERE user_id = ?', 'pluck')
const put = statement<[string, Position, string], never>(
  `INSERT INTO push_rules (user_id, position, changes) VALUES (?, ?, ?)
   ON CONFLICT DO UPDATE SET position = excluded.position, changes = excluded.changes`,
)

export function findRuleChanges(reader: Reader, userId: string): RuleChanges {
  const row = changesOf(reader).get(userId)
  return row ? JSON.parse(row.changes) : noChanges
}

/** Replaces what a user changed about their push rules and wakes their clients. */
export function putRuleChanges(tx: Writer, userId: string, changes: RuleChanges): void {
  put(tx).run(userId, tx.nextPosition(), JSON.stringify(changes))
  tx.wake(`user/${userId}`)
}

/** Of the last change of a user's push rules; 0: they never changed. */
export function rulesPosition(reader: Reader, userId: string): Position {
  return positionOf(reader).get(userId) ?? 0
}

interface Known {
  readonly position: Position
  readonly ruleset: PushRuleset
}

const maxKnown = 1000

/** Rulesets for each connection, by user; evaluation keeps what it compiled for as long as the same object is handed in. */
const knownRulesets = new WeakMap<Database, Map<string, Known>>()

/** The push rules of a user: the same object for as long as they stay the same. */
export function rulesetOf(reader: Reader, userId: string): PushRuleset {
  // A writer may still take back what it reads.
  if ('writable' in reader) return rulesetFrom(userId, findRuleChanges(reader, userId))
  let known = knownRulesets.get(reader.raw)
  if (!known) {
    known = new Map()
    knownRulesets.set(reader.raw, known)
  }
  const position = rulesPosition(reader, userId)
  const found = known.get(userId)
  known.delete(userId)
  const current =
    found?.position === position ? found : { position, ruleset: rulesetFrom(userId, findRuleChanges(reader, userId)) }
  known.set(userId, current)
  const oldest = known.size > maxKnown ? known.keys().next().value : undefined
  if (oldest !== undefined) known.delete(oldest)
  return current.ruleset
}

/** The content of a user's `m.push_rules`. */
export function pushRulesOf(reader: Reader, userId: string): { readonly global: PushRuleset } {
  return { global: rulesetOf(reader, userId) }
}
