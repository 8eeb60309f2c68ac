import { isObject, type JsonObject, type JsonValue } from '../matrix/json.ts'
import type { Pdu } from '../matrix/pdu.ts'
import { firstCreator, readLevel } from '../matrix/power-levels.ts'
import type { RoomVersion } from '../matrix/room-versions.ts'

/** Power levels that a room hands on to the one that replaces it. */
export interface OldLevels {
  readonly version: RoomVersion
  readonly create: Pdu
  /** Undefined: the room has no such event. */
  readonly content: JsonObject | undefined
}

const named = ['ban', 'kick', 'redact', 'invite', 'state_default', 'events_default', 'users_default'] as const
const listed = ['events', 'users', 'notifications'] as const
const stateDefault = 50
const tombstone = 'm.room.tombstone'

/**
 * The levels of the new room for good, and those under which its maker, the first of its creators, fills it.
 * Creators of room version 12 stand above all levels and must not be listed. Source: client-server API, "Room Upgrades".
 */
export function levelsForUpgrade(
  old: OldLevels,
  version: RoomVersion,
  creators: readonly string[],
  banned: readonly string[],
): { readonly first: JsonObject; readonly final: JsonObject } {
  const content = asIntegers(old)
  const users: Record<string, number> = { ...content.users, ...formerCreators(old, version, content) }
  // They could not be banned again if they stood as high as the maker.
  for (const userId of banned) delete users[userId]
  if (version.auth.createEventIsRoomId) {
    for (const creator of creators) delete users[creator]
    const events = { ...content.events, ...aboveState(content) }
    const levels = { ...content, users, events }
    return { first: levels, final: levels }
  }
  const final = { ...content, users }
  const [maker = ''] = creators
  const needed = highest(content)
  if ((users[maker] ?? content.users_default ?? 0) >= needed) return { first: final, final }
  return { first: { ...final, users: { ...users, [maker]: needed } }, final }
}

type Levels = Readonly<Record<string, number>>
type Content = JsonObject & { readonly users: Levels; readonly events: Levels } & Partial<
    Readonly<Record<(typeof named)[number], number>>
  >

/** Levels that older room versions wrote as texts are numbers in all of them. */
function asIntegers({ version, content = {} }: OldLevels): Content {
  const { users, events, ...rest }: Record<string, JsonValue | undefined> = { ...content }
  for (const name of named) rest[name] = readLevel(version, content[name])
  const lists = Object.fromEntries(listed.map((name) => [name, integersIn(version, content[name])]))
  const kept = Object.entries({ ...rest, ...lists }).filter(
    ([name, value]) => value !== undefined && (name !== 'notifications' || isObject(content.notifications)),
  )
  return { users: {}, events: {}, ...Object.fromEntries(kept) } as Content
}

function integersIn(version: RoomVersion, list: JsonValue | undefined): Levels {
  const levels = Object.entries(isObject(list) ? list : {}).map(([key, value]) => [key, readLevel(version, value)] as const)
  return Object.fromEntries(levels.flatMap(([key, level]) => (level === undefined ? [] : [[key, level]])))
}

/** Where nobody stands above all levels any more, those who did are given the highest. */
function formerCreators(old: OldLevels, version: RoomVersion, content: Content): Levels {
  if (version.auth.createEventIsRoomId) return {}
  const creator = firstCreator(old.version, old.create)
  if (!old.version.auth.createEventIsRoomId) return old.content || typeof creator !== 'string' ? {} : { [creator]: 100 }
  const { additional_creators: more } = old.create.content
  const all = [creator, ...(Array.isArray(more) ? more : [])].filter((userId) => typeof userId === 'string')
  return Object.fromEntries(all.map((userId) => [userId, Math.max(100, highest(content))]))
}

/** What it takes to set any state and to ban. */
function highest({ state_default: others = stateDefault, ban = 50, events }: Content): number {
  return Math.max(others, ban, ...Object.values(events))
}

/** Ending the room for all takes more than any other state; source: client-server API, `m.room.power_levels`. */
function aboveState({ events, state_default: others = stateDefault }: Content): Levels {
  const level = events[tombstone] ?? others
  return level > others ? {} : { [tombstone]: Math.max(150, others + 1) }
}

/** The old room's levels with which nobody ordinary writes or invites any more; undefined: they are that already. */
export function levelsOfReplaced({ version, content = {} }: OldLevels): JsonObject | undefined {
  const level = (name: (typeof named)[number]) => readLevel(version, content[name]) ?? 0
  const wanted = Math.max(50, level('users_default') + 1)
  const raised = (['events_default', 'invite'] as const).filter((name) => level(name) < wanted)
  return raised.length === 0 ? undefined : { ...content, ...Object.fromEntries(raised.map((name) => [name, wanted])) }
}
