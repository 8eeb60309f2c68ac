import type { JsonObject, JsonValue } from '../json.ts'

/** A push rule as the client API writes it. Conditions belong to override and underride rules, a pattern to content rules. */
export interface PushRule {
  readonly rule_id: string
  readonly default: boolean
  readonly enabled: boolean
  readonly actions: readonly JsonValue[]
  readonly conditions?: readonly JsonObject[]
  readonly pattern?: string
}

/** The rules of a user by kind, the most important first. Never changed in place: evaluation remembers what it made of it. */
export interface PushRuleset {
  readonly override: readonly PushRule[]
  readonly content: readonly PushRule[]
  readonly room: readonly PushRule[]
  readonly sender: readonly PushRule[]
  readonly underride: readonly PushRule[]
}
