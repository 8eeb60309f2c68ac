import { serverOf } from '../identifiers.ts'
import type { Pdu } from '../pdu.ts'
import type { RoomVersion } from '../room-versions.ts'
import type { Verdict } from '../verdict.ts'
import { allowed, rejected } from '../verdict.ts'
import { createRule } from './create.ts'
import { memberRule } from './member.ts'
import { ruleNumbers } from './numbering.ts'
import { powerLevelsRule } from './power-levels-rule.ts'
import type { RuleGroup, StateLookup } from './scene.ts'
import { sceneOf } from './scene.ts'

/**
 * Whether a state lets an event pass: room versions, "Authorisation rules", all rules after those about `auth_events`.
 * In room version 12 as well the create event has to be in the state.
 */
export function authorize(version: RoomVersion, event: Pdu, state: StateLookup): Verdict {
  if (event.type === 'm.room.create') return createRule(version, event)
  const create = state('m.room.create', '')
  if (!create) return rejected(ruleNumbers(version).authEvents, 'the room has no create event')
  const scene = sceneOf(version, create, state)
  for (const rules of inOrder) {
    const verdict = rules(scene, event)
    if (verdict) return verdict
  }
  return allowed
}

const federationRule: RuleGroup = ({ create, numbers }, event) => {
  if (create.content['m.federate'] !== false || serverOf(event.sender) === serverOf(create.sender)) return undefined
  return rejected(numbers.federation, 'the room is for users of one server')
}

/** Room versions 1 to 5. */
const aliasesRule: RuleGroup = ({ version, numbers }, event) => {
  if (event.type !== 'm.room.aliases' || !version.auth.aliases) return undefined
  if (event.stateKey === undefined) return rejected(`${numbers.aliases}.1`, 'state_key: missing')
  if (event.stateKey !== serverOf(event.sender)) return rejected(`${numbers.aliases}.2`, "state_key: not the sender's server")
  return allowed
}

const senderJoinedRule: RuleGroup = ({ membershipOf, numbers }, event) =>
  membershipOf(event.sender) === 'join' ? undefined : rejected(numbers.senderJoined, 'the sender is not in the room')

const thirdPartyInvitesRule: RuleGroup = ({ levels, numbers }, event) => {
  if (event.type !== 'm.room.third_party_invite') return undefined
  return levels.ofUser(event.sender) >= levels.invite
    ? allowed
    : rejected(`${numbers.thirdPartyInvite}.1`, 'the sender may not invite')
}

const requiredLevelRule: RuleGroup = ({ levels, numbers }, event) => {
  const required = levels.forEvent(event.type, event.stateKey !== undefined)
  const level = levels.ofUser(event.sender)
  return required > level
    ? rejected(numbers.requiredLevel, `${event.type} takes level ${required}, the sender has ${level}`)
    : undefined
}

const stateKeyRule: RuleGroup = ({ numbers }, { stateKey, sender }) =>
  stateKey?.startsWith('@') && stateKey !== sender ? rejected(numbers.stateKey, 'state_key: belongs to another user') : undefined

/** Room versions 1 and 2. */
const redactionRule: RuleGroup = ({ version, levels, numbers }, event) => {
  if (event.type !== 'm.room.redaction' || !version.auth.redactionRule) return undefined
  if (levels.ofUser(event.sender) >= levels.redact) return allowed
  const server = serverOf(event.eventId)
  if (server !== undefined && event.redacts !== undefined && serverOf(event.redacts) === server) return allowed
  return rejected(`${numbers.redaction}.3`, 'the sender may not redact events of other servers')
}

const inOrder: readonly RuleGroup[] = [
  federationRule,
  aliasesRule,
  memberRule,
  senderJoinedRule,
  thirdPartyInvitesRule,
  requiredLevelRule,
  stateKeyRule,
  powerLevelsRule,
  redactionRule,
]
