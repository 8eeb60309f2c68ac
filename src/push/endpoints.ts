import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { invalidParam, notFound, unknown } from '../http/errors.ts'
import type { PushRule } from '../matrix/push/ruleset.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { countRules, type RuleChanges, type RuleKind, ruleKinds, withAdjusted, withoutRule, withRule } from './rules.ts'
import { findRuleChanges, pushRulesOf, putRuleChanges, rulesetOf } from './store.ts'
import { checkRuleId, readActions, readRule } from './validation.ts'

const base = '/_matrix/client/v3/pushrules/'
const rulePath = '/_matrix/client/v3/pushrules/global/{kind}/{ruleId}'
const enabledPath = '/_matrix/client/v3/pushrules/global/{kind}/{ruleId}/enabled'
const actionsPath = '/_matrix/client/v3/pushrules/global/{kind}/{ruleId}/actions'

const maxRules = 1000
const maxBody = 64 * 1024
const rateLimit = { name: 'push rules', by: 'user', burst: 60, perSecond: 5 } as const

/** Push rules; source: client-server API, "Push Rules: API". */
export function pushRuleEndpoints(storage: Storage): Endpoint[] {
  return [...listEndpoints(storage), ...ruleEndpoints(storage), ...adjustEndpoints(storage)]
}

function listEndpoints({ reader }: Storage): Endpoint[] {
  const all = ['/_matrix/client/v3/pushrules', base].map((path) =>
    endpoint({ method: 'GET', path, auth: 'session', handle: ({ auth }) => ({ ...pushRulesOf(reader, auth.userId) }) }),
  )
  const global = [`${base}global`, `${base}global/`].map((path) =>
    endpoint({ method: 'GET', path, auth: 'session', handle: ({ auth }) => ({ ...rulesetOf(reader, auth.userId) }) }),
  )
  return [...all, ...global]
}

function ruleEndpoints(storage: Storage): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: rulePath,
      auth: 'session',
      handle: ({ auth, path }) => ({ ...requireRule(storage.reader, auth.userId, path) }),
    }),
    endpoint({
      method: 'PUT',
      path: rulePath,
      auth: 'session',
      query: Type.Object({ before: Type.Optional(Type.String()), after: Type.Optional(Type.String()) }),
      body: Type.Object({ actions: Type.Array(Type.Unknown()) }, { additionalProperties: true }),
      maxBody,
      rateLimit,
      handle({ auth, path: { kind: kindText, ruleId }, query, body }) {
        const kind = kindOf(kindText)
        if (!kind) throw invalidParam(`kind: must be one of ${ruleKinds.join(', ')}`)
        checkRuleId(kind, ruleId)
        const rule = { rule_id: ruleId, ...readRule(kind, body) }
        return change(storage, auth.userId, (changes) => {
          const changed = withRule(changes, kind, rule, query)
          if ('unplaced' in changed) throw unknown(`before/after: there is no rule ${changed.unplaced} of this kind`)
          if (countRules(changed) > maxRules) throw unknown(`A user has at most ${maxRules} push rules`)
          return changed
        })
      },
    }),
    endpoint({
      method: 'DELETE',
      path: rulePath,
      auth: 'session',
      rateLimit,
      handle({ auth, path: { kind: kindText, ruleId } }) {
        const kind = kindOf(kindText)
        return change(storage, auth.userId, (changes) => kind && withoutRule(changes, kind, ruleId))
      },
    }),
  ]
}

function adjustEndpoints(storage: Storage): Endpoint[] {
  const adjust = (userId: string, path: RulePath, changed: Parameters<typeof withAdjusted>[4]) => {
    const kind = kindOf(path.kind)
    return change(storage, userId, (changes) => kind && withAdjusted(userId, changes, kind, path.ruleId, changed))
  }
  return [
    endpoint({
      method: 'GET',
      path: enabledPath,
      auth: 'session',
      handle: ({ auth, path }) => ({ enabled: requireRule(storage.reader, auth.userId, path).enabled }),
    }),
    endpoint({
      method: 'PUT',
      path: enabledPath,
      auth: 'session',
      body: Type.Object({ enabled: Type.Boolean() }),
      rateLimit,
      handle: ({ auth, path, body }) => adjust(auth.userId, path, { enabled: body.enabled }),
    }),
    endpoint({
      method: 'GET',
      path: actionsPath,
      auth: 'session',
      handle: ({ auth, path }) => ({ actions: requireRule(storage.reader, auth.userId, path).actions }),
    }),
    endpoint({
      method: 'PUT',
      path: actionsPath,
      auth: 'session',
      body: Type.Object({ actions: Type.Array(Type.Unknown()) }),
      maxBody,
      rateLimit,
      handle: ({ auth, path, body }) => adjust(auth.userId, path, { actions: readActions(body.actions) }),
    }),
  ]
}

interface RulePath {
  readonly kind: string
  readonly ruleId: string
}

function kindOf(text: string): RuleKind | undefined {
  return ruleKinds.find((kind) => kind === text)
}

function requireRule(reader: Reader, userId: string, { kind: kindText, ruleId }: RulePath): PushRule {
  const kind = kindOf(kindText)
  const rule = kind && rulesetOf(reader, userId)[kind].find(({ rule_id }) => rule_id === ruleId)
  if (!rule) throw notFound('The push rule was not found')
  return rule
}

/** Changes the user's rules; `action` gives undefined where there is no such rule to change. */
async function change(
  storage: Storage,
  userId: string,
  action: (changes: RuleChanges) => RuleChanges | undefined,
): Promise<Record<string, never>> {
  await storage.write((tx) => {
    const changed = action(findRuleChanges(tx, userId))
    if (!changed) throw notFound('There is no such push rule that could be changed')
    putRuleChanges(tx, userId, changed)
  })
  return {}
}
