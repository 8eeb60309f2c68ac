import type { RoomVersion } from '../room-versions.ts'

/** Numbers of the rules in one room version's list: rooms of other versions have the same rules under other numbers. */
export interface RuleNumbers {
  readonly create: string
  readonly authEvents: string
  readonly federation: string
  readonly aliases: string
  readonly senderJoined: string
  readonly thirdPartyInvite: string
  readonly requiredLevel: string
  readonly stateKey: string
  readonly redaction: string
  /** The create event that the room id names (12). */
  readonly roomId: string
  readonly member: Readonly<Record<MemberRule, string>>
  readonly powerLevels: Readonly<Record<PowerLevelsRule, string>>
}

type MemberRule = 'present' | 'authorised' | 'join' | 'invite' | 'leave' | 'ban' | 'knock' | 'unknown'
type PowerLevelsRule =
  | 'properties'
  | 'lists'
  | 'users'
  | 'creators'
  | 'first'
  | 'changedProperties'
  | 'currentEntries'
  | 'newEntries'
  | 'currentUsers'
  | 'newUsers'

const known = new WeakMap<RoomVersion, RuleNumbers>()

export function ruleNumbers(version: RoomVersion): RuleNumbers {
  const found = known.get(version)
  if (found) return found
  const numbers = numberRules(version)
  known.set(version, numbers)
  return numbers
}

function numberRules({ auth }: RoomVersion): RuleNumbers {
  const next = counter('')
  const create = next()
  const roomId = auth.createEventIsRoomId ? next() : ''
  const authEvents = next()
  const federation = next()
  const aliases = auth.aliases ? next() : ''
  const member = counter(`${next()}.`)
  const senderJoined = next()
  const thirdPartyInvite = next()
  const requiredLevel = next()
  const stateKey = next()
  const levels = counter(`${next()}.`)
  return {
    create,
    roomId,
    authEvents,
    federation,
    aliases,
    senderJoined,
    thirdPartyInvite,
    requiredLevel,
    stateKey,
    redaction: auth.redactionRule ? next() : '',
    member: {
      present: member(),
      authorised: auth.restrictedJoins ? member() : '',
      join: member(),
      invite: member(),
      leave: member(),
      ban: member(),
      knock: auth.knocking ? member() : '',
      unknown: member(),
    },
    powerLevels: {
      properties: auth.integerPowerLevels ? levels() : '',
      lists: auth.integerPowerLevels ? levels() : '',
      users: levels(),
      creators: auth.createEventIsRoomId ? levels() : '',
      first: levels(),
      changedProperties: levels(),
      currentEntries: levels(),
      newEntries: levels(),
      currentUsers: levels(),
      newUsers: levels(),
    },
  }
}

function counter(prefix: string): () => string {
  let last = 0
  return () => {
    last += 1
    return `${prefix}${last}`
  }
}
