import type { JsonObject, JsonValue } from './json.ts'
import { isObject } from './json.ts'
import type { RedactionRules, RoomVersion } from './room-versions.ts'

const keptAbove = [
  'auth_events',
  'content',
  'depth',
  'event_id',
  'hashes',
  'origin_server_ts',
  'prev_events',
  'room_id',
  'sender',
  'signatures',
  'state_key',
  'type',
] as const
const keptAboveOnce = ['membership', 'origin', 'prev_state'] as const
const keptPowerLevels = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default'] as const

/**
 * The event without what its room version does not protect; `raw` is left as it is, kept values are shared with it.
 * Source: room versions, "Redactions".
 */
export function redact(raw: JsonObject, version: RoomVersion): JsonObject {
  const event = pick(raw, keptAbove)
  if (!version.redaction.updated) Object.assign(event, pick(raw, keptAboveOnce))
  event.content = isObject(raw.content) ? redactContent(raw.type, raw.content, version.redaction) : {}
  return event
}

function redactContent(type: JsonValue | undefined, content: JsonObject, rules: RedactionRules): JsonObject {
  switch (type) {
    case 'm.room.member':
      return redactMember(content, rules)
    case 'm.room.create':
      return rules.updated ? content : pick(content, ['creator'])
    case 'm.room.join_rules':
      return pick(content, rules.keepAllow ? ['join_rule', 'allow'] : ['join_rule'])
    case 'm.room.power_levels':
      return pick(content, rules.updated ? [...keptPowerLevels, 'invite'] : keptPowerLevels)
    case 'm.room.aliases':
      return rules.keepAliases ? pick(content, ['aliases']) : {}
    case 'm.room.history_visibility':
      return pick(content, ['history_visibility'])
    case 'm.room.redaction':
      return rules.updated ? pick(content, ['redacts']) : {}
    default:
      return {}
  }
}

function redactMember(content: JsonObject, rules: RedactionRules): JsonObject {
  const kept = pick(content, rules.keepJoinAuthorised ? ['membership', 'join_authorised_via_users_server'] : ['membership'])
  const invite = content.third_party_invite
  if (rules.updated && isObject(invite) && invite.signed !== undefined) kept.third_party_invite = { signed: invite.signed }
  return kept
}

function pick(from: JsonObject, keys: readonly string[]): Record<string, JsonValue | undefined> {
  const picked: Record<string, JsonValue | undefined> = {}
  for (const key of keys) {
    const value = from[key]
    if (value !== undefined) picked[key] = value
  }
  return picked
}
