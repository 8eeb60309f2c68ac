import type { JsonObject, JsonValue } from '../json.ts'
import { isObject } from '../json.ts'
import type { Condition, PushFacts } from './conditions.ts'
import { compileCondition } from './conditions.ts'
import type { PushRule, PushRuleset } from './ruleset.ts'

export interface PushOutcome {
  /** Of the rule that decides, without the historical ones. */
  readonly actions: readonly JsonValue[]
  readonly notify: boolean
  readonly highlight: boolean
  /** Undefined: no rule matches. */
  readonly ruleId: string | undefined
}

interface CompiledRule {
  readonly outcome: PushOutcome
  readonly conditions: readonly Condition[]
}

interface CompiledRuleset {
  readonly override: readonly CompiledRule[]
  readonly content: readonly CompiledRule[]
  /** By room id and by user id. */
  readonly room: ReadonlyMap<JsonValue | undefined, CompiledRule>
  readonly sender: ReadonlyMap<JsonValue | undefined, CompiledRule>
  readonly underride: readonly CompiledRule[]
}

const nothing: PushOutcome = { actions: [], notify: false, highlight: false, ruleId: undefined }

// Kept for as long as somebody else keeps the rules themselves; the default rules are the same objects for all users.
const compiledRulesets = new WeakMap<PushRuleset, CompiledRuleset>()
const compiledRules = new WeakMap<PushRule, CompiledRule>()

/**
 * What a user's rules make of an event as clients see it: client-server API, "Push Rules". Runs for every event and member, so
 * hand in the same ruleset object while the rules stay the same: they are compiled once for each object.
 */
export function evaluatePush(ruleset: PushRuleset, event: JsonObject, facts: PushFacts): PushOutcome {
  if (event.sender === facts.userId) return nothing
  const rules = compiledRulesets.get(ruleset) ?? compileRuleset(ruleset)
  const rule =
    firstMatch(rules.override, event, facts) ??
    firstMatch(rules.content, event, facts) ??
    rules.room.get(event.room_id) ??
    rules.sender.get(event.sender) ??
    firstMatch(rules.underride, event, facts)
  return rule?.outcome ?? nothing
}

function firstMatch(rules: readonly CompiledRule[], event: JsonObject, facts: PushFacts): CompiledRule | undefined {
  return rules.find(({ conditions }) => conditions.every((holds) => holds(event, facts)))
}

function compileRuleset(ruleset: PushRuleset): CompiledRuleset {
  const enabled = (rules: readonly PushRule[]) => rules.filter((rule) => rule.enabled)
  const byId = (rules: readonly PushRule[]) => new Map(enabled(rules).map((rule) => [rule.rule_id, compileRule(rule, [])]))
  const conditional = (rules: readonly PushRule[]) => enabled(rules).map((rule) => compileRule(rule, rule.conditions ?? []))
  const compiled: CompiledRuleset = {
    override: conditional(ruleset.override),
    content: enabled(ruleset.content).map((rule) => compileRule(rule, [bodyMatch(rule)])),
    room: byId(ruleset.room),
    sender: byId(ruleset.sender),
    underride: conditional(ruleset.underride),
  }
  compiledRulesets.set(ruleset, compiled)
  return compiled
}

function compileRule(rule: PushRule, conditions: readonly JsonObject[]): CompiledRule {
  const known = compiledRules.get(rule)
  if (known) return known
  const compiled = { outcome: outcomeOf(rule), conditions: conditions.map(compileCondition) }
  compiledRules.set(rule, compiled)
  return compiled
}

/** The condition that content rules imply. */
function bodyMatch({ pattern }: PushRule): JsonObject {
  return { kind: 'event_match', key: 'content.body', pattern }
}

/** Historical actions are dropped: client-server API, push rules, "Historical Actions". */
function outcomeOf(rule: PushRule): PushOutcome {
  const actions = rule.actions.filter((action) => action !== 'dont_notify' && action !== 'coalesce')
  return {
    actions,
    notify: actions.includes('notify'),
    highlight: actions.some((action) => isObject(action) && action.set_tweak === 'highlight' && (action.value ?? true) === true),
    ruleId: rule.rule_id,
  }
}
