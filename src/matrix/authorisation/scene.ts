import type { JsonValue } from '../json.ts'
import type { Pdu } from '../pdu.ts'
import type { PowerLevels } from '../power-levels.ts'
import { readPowerLevels } from '../power-levels.ts'
import type { RoomVersion } from '../room-versions.ts'
import type { Verdict } from '../verdict.ts'
import type { RuleNumbers } from './numbering.ts'
import { ruleNumbers } from './numbering.ts'

/** State of a room at some point; undefined where it has no such event. */
export type StateLookup = (type: string, stateKey: string) => Pdu | undefined

/** What the rules look at: a room's state, with the readings that several rules need. */
export interface Scene {
  readonly version: RoomVersion
  readonly numbers: RuleNumbers
  readonly create: Pdu
  readonly levels: PowerLevels
  readonly state: StateLookup
  membershipOf(userId: string): JsonValue | undefined
}

/** A group of rules: its verdict, or undefined where it leaves the event to the rules after it. */
export type RuleGroup = (scene: Scene, event: Pdu) => Verdict | undefined

export function sceneOf(version: RoomVersion, create: Pdu, state: StateLookup): Scene {
  return {
    version,
    numbers: ruleNumbers(version),
    create,
    levels: readPowerLevels(version, create, state('m.room.power_levels', '')),
    state,
    membershipOf: (userId) => state('m.room.member', userId)?.content.membership,
  }
}
