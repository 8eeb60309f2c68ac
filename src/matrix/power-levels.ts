import type { JsonObject, JsonValue } from './json.ts'
import { isArray, isObject, JsonFloat } from './json.ts'
import type { Pdu } from './pdu.ts'
import type { RoomVersion } from './room-versions.ts'

/** The levels in force in a room. Nothing is copied: each question looks into the event's content. */
export interface PowerLevels {
  /** Infinity for the creators of a room of version 12. */
  ofUser(userId: string): number
  /** The level that sending this type takes: server-server API, "Required Power Level". */
  forEvent(type: string, isState: boolean): number
  /** The level that a kind of notification takes, `room` for instance. */
  forNotification(key: string): number
  readonly ban: number
  readonly kick: number
  readonly invite: number
  readonly redact: number
  readonly notifications: { readonly room: number }
}

const defaults = { ban: 50, kick: 50, redact: 50, invite: 0, state_default: 50, events_default: 0, users_default: 0 }
const notificationDefault = 50
const none: JsonObject = {}

/**
 * The levels that a create event and a power levels event (undefined: the room has none) stand for, defaults included.
 * A value that is no level in this room version counts as missing. Source: client-server API, `m.room.power_levels`.
 */
export function readPowerLevels(version: RoomVersion, create: Pdu, powerLevels: Pdu | undefined): PowerLevels {
  const content = powerLevels?.content ?? none
  const named = (name: keyof typeof defaults) => readLevel(version, content[name]) ?? defaults[name]
  const listed = (list: 'users' | 'events' | 'notifications', key: string) => readLevel(version, entry(content[list], key))
  const forNotification = (key: string) => listed('notifications', key) ?? notificationDefault
  return {
    ofUser: (userId) => {
      if (version.auth.createEventIsRoomId && isCreator(version, create, userId)) return Number.POSITIVE_INFINITY
      if (!powerLevels) return isCreator(version, create, userId) ? 100 : 0
      return listed('users', userId) ?? named('users_default')
    },
    forEvent: (type, isState) => listed('events', type) ?? named(isState ? 'state_default' : 'events_default'),
    forNotification,
    get ban() {
      return named('ban')
    },
    get kick() {
      return named('kick')
    },
    get invite() {
      return named('invite')
    },
    get redact() {
      return named('redact')
    },
    notifications: {
      get room() {
        return forNotification('room')
      },
    },
  }
}

/** Whether a user is a creator of the room: the first one, or (12) one of `additional_creators`. */
export function isCreator(version: RoomVersion, create: Pdu, userId: string): boolean {
  if (firstCreator(version, create) === userId) return true
  const more = create.content.additional_creators
  return version.auth.createEventIsRoomId && isArray(more) && more.includes(userId)
}

/** Who created the room: `creator` of the create event, its sender since room version 11. Whatever stands in `creator`. */
export function firstCreator(version: RoomVersion, create: Pdu): JsonValue | undefined {
  return version.auth.implicitCreator ? create.sender : create.content.creator
}

/**
 * A level as the room version writes it, undefined where it is none. Before version 10 strings of digits and floats (cut off) are
 * levels too: room versions, "m.room.power_levels events accept values as strings" and "… as floats".
 */
export function readLevel(version: RoomVersion, value: JsonValue | undefined): number | undefined {
  if (typeof value === 'number' && Number.isInteger(value)) return value
  if (version.auth.integerPowerLevels) return undefined
  if (typeof value === 'string') return digits.test(value) ? finite(Number(value.trim())) : undefined
  if (typeof value === 'number') return finite(value)
  if (typeof value === 'bigint') return finite(Number(value))
  return value instanceof JsonFloat ? finite(value.value) : undefined
}

const digits = /^\s*[+-]?[0-9]+\s*$/

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? Math.trunc(value) : undefined
}

function entry(list: JsonValue | undefined, key: string): JsonValue | undefined {
  return isObject(list) && Object.hasOwn(list, key) ? list[key] : undefined
}
