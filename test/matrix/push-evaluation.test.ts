import { describe, expect, test } from 'vitest'
import type { JsonObject, JsonValue } from '../../src/matrix/json.ts'
import type { PushFacts } from '../../src/matrix/push/conditions.ts'
import { compileCondition } from '../../src/matrix/push/conditions.ts'
import { defaultRuleset } from '../../src/matrix/push/default-rules.ts'
import { evaluatePush } from '../../src/matrix/push/evaluate.ts'
import type { PushRuleset } from '../../src/matrix/push/ruleset.ts'
import { loadVectors } from './vectors.ts'

interface Facts {
  readonly display_name: string | null
  readonly member_count: number
  readonly sender_level: number
  readonly notification_levels: Readonly<Record<string, number>>
}

type Case = { readonly name: string; readonly event: JsonObject; readonly facts?: Partial<Facts> } & (
  | { readonly kind: 'condition'; readonly condition: JsonObject; readonly expected: boolean }
  | { readonly kind: 'rules'; readonly ruleset: string; readonly expected: readonly JsonValue[] }
)

interface File {
  readonly user_id: string
  readonly facts: Facts
  readonly rulesets: Readonly<Record<string, PushRuleset>>
  readonly cases: readonly Case[]
}

const file = loadVectors<File>('push-evaluation')

function factsOf(overrides: Partial<Facts> = {}): PushFacts {
  const facts = { ...file.facts, ...overrides }
  return {
    userId: file.user_id,
    displayName: facts.display_name ?? undefined,
    memberCount: facts.member_count,
    senderLevel: facts.sender_level,
    notificationLevel: (key) => facts.notification_levels[key] ?? 50,
  }
}

describe('vectors', () => {
  for (const one of file.cases) {
    test(`${one.kind}: ${one.name}`, () => {
      const facts = factsOf(one.facts)
      if (one.kind === 'condition') return expect(compileCondition(one.condition)(one.event, facts)).toBe(one.expected)
      return expect(evaluatePush(file.rulesets[one.ruleset]!, one.event, facts).actions).toEqual(one.expected)
    })
  }

  test('the default rules are those of the specification', () => {
    expect(defaultRuleset(file.user_id)).toEqual(file.rulesets.default)
  })
})

const message = (body: string, more: JsonObject = {}) => ({
  type: 'm.room.message',
  sender: '@cem:b.test',
  room_id: '!r:b.test',
  content: { msgtype: 'm.text', body, ...more },
})

describe('outcome', () => {
  const rules = defaultRuleset(file.user_id)

  test('a mention notifies and highlights', () => {
    const outcome = evaluatePush(rules, message('hi', { 'm.mentions': { user_ids: [file.user_id] } }), factsOf())
    expect(outcome).toMatchObject({ notify: true, highlight: true, ruleId: '.m.rule.is_user_mention' })
  })
  test('a message notifies only', () => {
    expect(evaluatePush(rules, message('hi'), factsOf())).toMatchObject({
      notify: true,
      highlight: false,
      ruleId: '.m.rule.message',
    })
  })
  test('a rule without actions decides, too', () => {
    const outcome = evaluatePush(rules, message('hi', { msgtype: 'm.notice' }), factsOf())
    expect(outcome).toEqual({ actions: [], notify: false, highlight: false, ruleId: '.m.rule.suppress_notices' })
  })
  test('no rule matches', () => {
    expect(evaluatePush(rules, { ...message('x'), type: 'org.example.x' }, factsOf()).ruleId).toBeUndefined()
  })
  test('nobody is notified of an own event', () => {
    expect(evaluatePush(rules, { ...message('x'), sender: file.user_id }, factsOf())).toMatchObject({
      notify: false,
      ruleId: undefined,
    })
  })
  test.each([
    [{ set_tweak: 'highlight' }, true],
    [{ set_tweak: 'highlight', value: true }, true],
    [{ set_tweak: 'highlight', value: false }, false],
  ])('%j highlights: %s', (tweak, highlights) => {
    const room = [{ rule_id: '!r:b.test', default: false, enabled: true, actions: ['notify', tweak] }]
    expect(evaluatePush({ ...rules, room }, message('x'), factsOf()).highlight).toBe(highlights)
  })
  test('a content rule without pattern never matches', () => {
    const content = [{ rule_id: 'x', default: false, enabled: true, actions: ['notify'] }]
    expect(evaluatePush({ ...rules, content }, message(''), factsOf()).ruleId).toBe('.m.rule.message')
  })
})

test('a pattern made to backtrack costs no time', () => {
  const condition = compileCondition({ kind: 'event_match', key: 'content.body', pattern: `${'*a?'.repeat(300)}c` })
  const before = performance.now()
  expect(condition(message('ab'.repeat(30_000)), factsOf())).toBe(false)
  expect(performance.now() - before).toBeLessThan(2_000)
})
