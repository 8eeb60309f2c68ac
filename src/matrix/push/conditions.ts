import type { Matcher } from '../glob.ts'
import { compileGlob, compileWordGlob } from '../glob.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { isArray } from '../json.ts'
import { parsePropertyPath, propertyAt } from './property-path.ts'

/** What a rule may ask beyond the event itself. Each is read only where a rule asks for it, so getters are welcome. */
export interface PushFacts {
  /** Whose rules are evaluated. */
  readonly userId: string
  /** In the room. */
  readonly displayName: string | undefined
  /** Joined members of the room. */
  readonly memberCount: number
  /** Power level of the event's sender. */
  readonly senderLevel: number
  /** The power level that a kind of notification takes: `PowerLevels.forNotification`. */
  notificationLevel(key: string): number
}

/** A condition made ready: whether it holds for an event as clients see it. */
export type Condition = (event: JsonObject, facts: PushFacts) => boolean

const never: Condition = () => false

/**
 * Client-server API, push rules, "Conditions". What is unknown or malformed never holds, so that its rule never matches.
 */
export function compileCondition(condition: JsonObject): Condition {
  const { kind, key, pattern, value } = condition
  switch (kind) {
    case 'event_match':
      return typeof key === 'string' && typeof pattern === 'string' ? eventMatch(key, pattern) : never
    case 'event_property_is':
      return typeof key === 'string' && isPlain(value) ? propertyIs(key, value) : never
    case 'event_property_contains':
      return typeof key === 'string' && isPlain(value) ? propertyContains(key, value) : never
    case 'contains_display_name':
      return containsDisplayName
    case 'room_member_count':
      return typeof condition.is === 'string' ? memberCount(condition.is) : never
    case 'sender_notification_permission':
      return typeof key === 'string' ? (_event, facts) => facts.senderLevel >= facts.notificationLevel(key) : never
    default:
      return never
  }
}

function eventMatch(key: string, pattern: string): Condition {
  return textAt(key, key === 'content.body' ? compileWordGlob(pattern) : compileGlob(pattern))
}

function textAt(key: string, matches: Matcher): Condition {
  const path = parsePropertyPath(key)
  return (event) => {
    const text = propertyAt(event, path)
    return typeof text === 'string' && matches(text)
  }
}

function propertyIs(key: string, value: JsonValue): Condition {
  const path = parsePropertyPath(key)
  return (event) => propertyAt(event, path) === value
}

function propertyContains(key: string, value: JsonValue): Condition {
  const path = parsePropertyPath(key)
  return (event) => {
    const list = propertyAt(event, path)
    return isArray(list) && list.includes(value)
  }
}

const containsDisplayName: Condition = (event, { displayName }) => {
  const body = displayName ? propertyAt(event, ['content', 'body']) : undefined
  return typeof body === 'string' && displayName !== undefined && compileWordGlob(displayName, true)(body)
}

function memberCount(is: string): Condition {
  const parts = /^(==|<=|>=|<|>)?([0-9]{1,15})$/.exec(is)
  if (!parts) return never
  const wanted = Number(parts[2])
  switch (parts[1]) {
    case '<':
      return (_event, facts) => facts.memberCount < wanted
    case '>':
      return (_event, facts) => facts.memberCount > wanted
    case '<=':
      return (_event, facts) => facts.memberCount <= wanted
    case '>=':
      return (_event, facts) => facts.memberCount >= wanted
    default:
      return (_event, facts) => facts.memberCount === wanted
  }
}

/** Values that may be compared: strings, integers within ±(2^53-1), booleans and null. */
function isPlain(value: JsonValue | undefined): value is JsonValue {
  if (typeof value === 'number') return Number.isSafeInteger(value)
  return value === null || typeof value === 'string' || typeof value === 'boolean'
}
