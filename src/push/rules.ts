import type { JsonObject, JsonValue } from '../matrix/json.ts'
import { defaultRuleset } from '../matrix/push/default-rules.ts'
import type { PushRule, PushRuleset } from '../matrix/push/ruleset.ts'

export const ruleKinds = ['override', 'content', 'room', 'sender', 'underride'] as const
export type RuleKind = (typeof ruleKinds)[number]

/** A rule that a user made. */
interface OwnRule {
  readonly rule_id: string
  readonly enabled: boolean
  readonly actions: readonly JsonValue[]
  readonly conditions?: readonly JsonObject[]
  readonly pattern?: string
}

/** What a user changed about a rule that everybody has. */
interface Adjustment {
  readonly kind: RuleKind
  readonly rule_id: string
  readonly enabled?: boolean
  readonly actions?: readonly JsonValue[]
}

/** How a user's push rules differ from the default ones. Never changed in place. */
export interface RuleChanges {
  /** By kind, the most important first. */
  readonly own: Readonly<Partial<Record<RuleKind, readonly OwnRule[]>>>
  readonly adjusted: readonly Adjustment[]
}

export const noChanges: RuleChanges = { own: {}, adjusted: [] }

/** All rules of a user in the order in which they are asked; source: client-server API, "Predefined Rules". */
export function rulesetFrom(userId: string, changes: RuleChanges): PushRuleset {
  const predefined = defaultRuleset(userId)
  const rulesOf = (kind: RuleKind): readonly PushRule[] => {
    const own = (changes.own[kind] ?? []).map((rule): PushRule => ({ default: false, ...rule }))
    const others = predefined[kind].map((rule) => adjust(rule, kind, changes.adjusted))
    // The user's rules come before the predefined ones, but nothing comes before the master switch.
    const first = others.findIndex(({ rule_id }) => rule_id === '.m.rule.master') + 1
    return [...others.slice(0, first), ...own, ...others.slice(first)]
  }
  return {
    override: rulesOf('override'),
    content: rulesOf('content'),
    room: rulesOf('room'),
    sender: rulesOf('sender'),
    underride: rulesOf('underride'),
  }
}

function adjust(rule: PushRule, kind: RuleKind, adjusted: readonly Adjustment[]): PushRule {
  const found = adjusted.find((entry) => entry.kind === kind && entry.rule_id === rule.rule_id)
  if (!found) return rule
  return { ...rule, enabled: found.enabled ?? rule.enabled, actions: found.actions ?? rule.actions }
}

/** Where a new or moved rule goes, relative to another of the same kind. */
export interface Place {
  readonly before?: string | undefined
  readonly after?: string | undefined
}

/**
 * Adds a rule of the user's own, or changes it. `unplaced`: the rule that `place` names is not one of the user's.
 * A new rule is enabled and the most important; a changed one stays as enabled and, without a place, as important as it was.
 */
export function withRule(
  changes: RuleChanges,
  kind: RuleKind,
  rule: Omit<OwnRule, 'enabled'>,
  place: Place,
): RuleChanges | { readonly unplaced: string } {
  const rules = changes.own[kind] ?? []
  const at = rules.findIndex(({ rule_id }) => rule_id === rule.rule_id)
  const made: OwnRule = { ...rule, enabled: rules[at]?.enabled ?? true }
  const neighbour = place.before ?? place.after
  if (neighbour === undefined) {
    return withOwn(changes, kind, at < 0 ? [made, ...rules] : rules.with(at, made))
  }
  const others = rules.filter(({ rule_id }) => rule_id !== rule.rule_id)
  const index = others.findIndex(({ rule_id }) => rule_id === neighbour)
  if (index < 0) return { unplaced: neighbour }
  return withOwn(changes, kind, others.toSpliced(place.before === undefined ? index + 1 : index, 0, made))
}

/** Undefined: the user has made no such rule. */
export function withoutRule(changes: RuleChanges, kind: RuleKind, ruleId: string): RuleChanges | undefined {
  const rules = changes.own[kind] ?? []
  const others = rules.filter(({ rule_id }) => rule_id !== ruleId)
  return others.length === rules.length ? undefined : withOwn(changes, kind, others)
}

/** Changes whether a rule, predefined or not, is enabled, or its actions. Undefined: there is no such rule. */
export function withAdjusted(
  userId: string,
  changes: RuleChanges,
  kind: RuleKind,
  ruleId: string,
  change: { readonly enabled: boolean } | { readonly actions: readonly JsonValue[] },
): RuleChanges | undefined {
  const rules = changes.own[kind] ?? []
  const at = rules.findIndex(({ rule_id }) => rule_id === ruleId)
  const own = rules[at]
  if (own) return withOwn(changes, kind, rules.with(at, { ...own, ...change }))
  if (!defaultRuleset(userId)[kind].some(({ rule_id }) => rule_id === ruleId)) return undefined
  const before = changes.adjusted.find((entry) => entry.kind === kind && entry.rule_id === ruleId)
  const others = changes.adjusted.filter((entry) => entry !== before)
  return { ...changes, adjusted: [...others, { kind, rule_id: ruleId, ...before, ...change }] }
}

/** How many rules a user has made. */
export function countRules(changes: RuleChanges): number {
  return ruleKinds.reduce((sum, kind) => sum + (changes.own[kind]?.length ?? 0), 0)
}

function withOwn(changes: RuleChanges, kind: RuleKind, rules: readonly OwnRule[]): RuleChanges {
  return { ...changes, own: { ...changes.own, [kind]: rules } }
}
