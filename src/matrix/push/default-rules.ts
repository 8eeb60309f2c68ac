import type { JsonObject, JsonValue } from '../json.ts'
import type { PushRule, PushRuleset } from './ruleset.ts'

const sound = (value: string) => ({ set_tweak: 'sound', value })
const highlight = { set_tweak: 'highlight' }

const match = (key: string, pattern: string) => ({ kind: 'event_match', key, pattern })
const isType = (type: string) => match('type', type)
const isOneToOne = { kind: 'room_member_count', is: '2' }

function rule(id: string, conditions: readonly JsonObject[], actions: readonly JsonValue[]): PushRule {
  return { rule_id: `.m.rule.${id}`, default: true, enabled: true, conditions, actions }
}

const master: PushRule = { ...rule('master', [], []), enabled: false }
const suppressNotices = rule('suppress_notices', [match('content.msgtype', 'm.notice')], [])
const memberEvent = rule('member_event', [isType('m.room.member')], [])
const overrides: readonly PushRule[] = [
  rule(
    'is_room_mention',
    [
      { kind: 'event_property_is', key: 'content.m\\.mentions.room', value: true },
      { kind: 'sender_notification_permission', key: 'room' },
    ],
    ['notify', highlight],
  ),
  rule('tombstone', [isType('m.room.tombstone'), match('state_key', '')], ['notify', highlight]),
  rule('reaction', [isType('m.reaction')], []),
  rule('room.server_acl', [isType('m.room.server_acl'), match('state_key', '')], []),
  rule('suppress_edits', [{ kind: 'event_property_is', key: 'content.m\\.relates_to.rel_type', value: 'm.replace' }], []),
]
const underrides: readonly PushRule[] = [
  rule('call', [isType('m.call.invite')], ['notify', sound('ring')]),
  rule('encrypted_room_one_to_one', [isOneToOne, isType('m.room.encrypted')], ['notify', sound('default')]),
  rule('room_one_to_one', [isOneToOne, isType('m.room.message')], ['notify', sound('default')]),
  rule('message', [isType('m.room.message')], ['notify']),
  rule('encrypted', [isType('m.room.encrypted')], ['notify']),
]

/** The rules that every user has, in their order: client-server API, push rules, "Predefined Rules". */
export function defaultRuleset(userId: string): PushRuleset {
  const inviteForMe = rule(
    'invite_for_me',
    [isType('m.room.member'), match('content.membership', 'invite'), match('state_key', userId)],
    ['notify', sound('default')],
  )
  const isUserMention = rule(
    'is_user_mention',
    [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: userId }],
    ['notify', sound('default'), highlight],
  )
  return {
    override: [master, suppressNotices, inviteForMe, memberEvent, isUserMention, ...overrides],
    content: [],
    room: [],
    sender: [],
    underride: underrides,
  }
}
