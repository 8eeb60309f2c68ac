import { parseUserId } from '../identifiers.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { isObject } from '../json.ts'
import type { Pdu } from '../pdu.ts'
import { isCreator, readLevel } from '../power-levels.ts'
import type { RoomVersion } from '../room-versions.ts'
import type { Verdict } from '../verdict.ts'
import { allowed, malformed, rejected } from '../verdict.ts'
import type { Scene } from './scene.ts'

const properties = ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite'] as const

/** The rule on `m.room.power_levels`: 10 in room versions 1 to 5 and 12, 9 in 6 to 11. */
export function powerLevelsRule(scene: Scene, event: Pdu): Verdict | undefined {
  if (event.type !== 'm.room.power_levels') return undefined
  const problem = shapeRule(scene, event.content) ?? creatorsRule(scene, event.content)
  if (problem) return problem
  const current = scene.state('m.room.power_levels', '')?.content
  if (!current) return allowed
  const change = { scene, event, current, level: scene.levels.ofUser(event.sender) }
  return changedPropertiesRule(change) ?? changedEntriesRule(change) ?? changedUsersRule(change) ?? allowed
}

/** 9.1 (users) up to room version 9; then .1 (properties), .2 (events and notifications), .3 (users). */
function shapeRule({ version, numbers }: Scene, content: JsonObject): Verdict | undefined {
  const rules = numbers.powerLevels
  if (version.auth.integerPowerLevels) {
    const wrong = properties.find((name) => content[name] !== undefined && readLevel(version, content[name]) === undefined)
    if (wrong) return malformed(rules.properties, `content.${wrong}: must be an integer`)
    for (const list of ['events', 'notifications'] as const) {
      if (!isLevelMap(version, content[list])) return malformed(rules.lists, `content.${list}: must map to integers`)
    }
  }
  if (isLevelMap(version, content.users) && Object.keys(content.users ?? {}).every(parseUserId)) return undefined
  return malformed(rules.users, 'content.users: must map user ids to levels')
}

function isLevelMap(version: RoomVersion, list: JsonValue | undefined): boolean {
  if (list === undefined) return true
  return isObject(list) && Object.values(list).every((value) => readLevel(version, value) !== undefined)
}

/** Room version 12, rule 10.4. */
function creatorsRule({ version, numbers, create }: Scene, content: JsonObject): Verdict | undefined {
  if (!version.auth.createEventIsRoomId || !isObject(content.users)) return undefined
  if (!Object.keys(content.users).some((id) => isCreator(version, create, id))) return undefined
  return malformed(numbers.powerLevels.creators, 'content.users: creators of the room cannot have a level')
}

interface Change {
  readonly scene: Scene
  readonly event: Pdu
  readonly current: JsonObject
  /** Of the sender. */
  readonly level: number
}

function changedPropertiesRule({ scene: { version, numbers }, event, current, level }: Change): Verdict | undefined {
  const rule = numbers.powerLevels.changedProperties
  for (const name of properties) {
    const before = readLevel(version, current[name])
    const after = readLevel(version, event.content[name])
    if (before === after) continue
    if (before !== undefined && before > level) return rejected(`${rule}.1`, `content.${name}: is above the sender's level`)
    if (after !== undefined && after > level) return rejected(`${rule}.2`, `content.${name}: would be above the sender's level`)
  }
  return undefined
}

function changedEntriesRule({ scene: { version, numbers }, event, current, level }: Change): Verdict | undefined {
  const rules = numbers.powerLevels
  const lists = version.auth.guardNotificationLevels ? (['events', 'notifications'] as const) : (['events'] as const)
  for (const list of lists) {
    for (const { key, before, after } of changes(version, current[list], event.content[list])) {
      const path = `content.${list}.${key}`
      if (before !== undefined && before > level)
        return rejected(`${rules.currentEntries}.1`, `${path}: is above the sender's level`)
      if (after !== undefined && after > level)
        return rejected(`${rules.newEntries}.1`, `${path}: would be above the sender's level`)
    }
  }
  return undefined
}

function changedUsersRule({ scene: { version, numbers }, event, current, level }: Change): Verdict | undefined {
  const rules = numbers.powerLevels
  for (const { key, before, after } of changes(version, current.users, event.content.users)) {
    if (before !== undefined && before >= level && key !== event.sender) {
      return rejected(`${rules.currentUsers}.1`, `content.users: ${key} is not below the sender`)
    }
    if (after !== undefined && after > level)
      return rejected(`${rules.newUsers}.1`, `content.users: ${key} would be above the sender`)
  }
  return undefined
}

interface EntryChange {
  readonly key: string
  readonly before: number | undefined
  readonly after: number | undefined
}

/** Entries that were added, changed or removed. What is no level in this room version counts as missing. */
function changes(version: RoomVersion, before: JsonValue | undefined, after: JsonValue | undefined): readonly EntryChange[] {
  const old = isObject(before) ? before : {}
  const now = isObject(after) ? after : {}
  const level = (list: JsonObject, key: string) => (Object.hasOwn(list, key) ? readLevel(version, list[key]) : undefined)
  const found: EntryChange[] = []
  for (const key of Object.keys(old)) {
    const change = { key, before: level(old, key), after: level(now, key) }
    if (change.before !== change.after) found.push(change)
  }
  for (const key of Object.keys(now)) {
    if (!Object.hasOwn(old, key)) found.push({ key, before: undefined, after: level(now, key) })
  }
  return found
}
