import { badJson, invalidParam } from '../http/errors.ts'
import { parseRoomId, parseUserId } from '../matrix/identifiers.ts'
import { isArray, isObject, type JsonObject, type JsonValue } from '../matrix/json.ts'
import type { RuleKind } from './rules.ts'

const maxRuleIdBytes = 255
const maxActions = 20
const maxConditions = 50
const maxPatternLength = 1000

/** Source: client-server API, `PUT /pushrules/global/{kind}/{ruleId}`. Throws what is wrong with the name of a new rule. */
export function checkRuleId(kind: RuleKind, ruleId: string): void {
  if (ruleId.startsWith('.')) throw invalidParam('ruleId: names that begin with a dot belong to the server')
  if (/[/\\]/.test(ruleId)) throw invalidParam('ruleId: must not contain slashes or backslashes')
  if (Buffer.byteLength(ruleId) > maxRuleIdBytes) throw invalidParam(`ruleId: longer than ${maxRuleIdBytes} bytes`)
  if (kind === 'room' && !parseRoomId(ruleId)) throw invalidParam('ruleId: rules of kind room are named after the room')
  if (kind === 'sender' && !parseUserId(ruleId)) throw invalidParam('ruleId: rules of kind sender are named after the user')
}

const knownActions = ['notify', 'dont_notify', 'coalesce']

/** The actions of a rule. `dont_notify` and `coalesce` mean nothing any more, but are kept for the clients that sent them. */
export function readActions(actions: unknown): readonly JsonValue[] {
  if (!isArray(actions)) throw badJson('actions: must be a list')
  if (actions.length > maxActions) throw badJson(`actions: more than ${maxActions}`)
  for (const [index, action] of actions.entries()) {
    const fits = isObject(action) ? typeof action.set_tweak === 'string' : knownActions.some((known) => known === action)
    if (!fits) throw badJson(`actions.${index}: must be "notify" or an object with set_tweak`)
  }
  return actions
}

export interface RuleBody {
  readonly actions: readonly JsonValue[]
  readonly conditions?: readonly JsonObject[]
  readonly pattern?: string
}

/** What a request says about a rule: its kind decides which fields it takes. */
export function readRule(kind: RuleKind, body: Readonly<Record<string, unknown>>): RuleBody {
  const actions = readActions(body.actions)
  if (kind === 'content') return { actions, pattern: readPattern(body.pattern) }
  if (kind === 'override' || kind === 'underride') return { actions, conditions: readConditions(body.conditions ?? []) }
  return { actions }
}

function readPattern(pattern: unknown): string {
  if (typeof pattern !== 'string') throw badJson('pattern: is required')
  if (pattern.length > maxPatternLength) throw badJson(`pattern: longer than ${maxPatternLength} characters`)
  return pattern
}

function readConditions(conditions: unknown): readonly JsonObject[] {
  if (!isArray(conditions)) throw badJson('conditions: must be a list')
  if (conditions.length > maxConditions) throw badJson(`conditions: more than ${maxConditions}`)
  return conditions.map((condition, index) => {
    if (!isObject(condition) || typeof condition.kind !== 'string') throw badJson(`conditions.${index}.kind: must be a text`)
    if (typeof condition.pattern === 'string' && condition.pattern.length > maxPatternLength)
      throw badJson(`conditions.${index}.pattern: longer than ${maxPatternLength} characters`)
    return condition
  })
}
