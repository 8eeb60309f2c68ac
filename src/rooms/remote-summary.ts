import { parseMxcUri, parseRoomAlias, parseRoomId } from '../matrix/identifiers.ts'
import { isArray, isObject } from '../matrix/json.ts'
import type { RoomSummary } from './summary.ts'

const maxAllowed = 50

/** What another server says of a room: what is as it should be. Undefined: not even the least that there must be. */
export function readSummary(value: unknown): RoomSummary | undefined {
  if (!isObject(value)) return undefined
  const roomId = parseRoomId(value.room_id)
  const { num_joined_members: members, world_readable: readable, guest_can_join: guests, join_rule: rule } = value
  if (roomId === undefined || !Number.isSafeInteger(members) || Number(members) < 0) return undefined
  if (typeof readable !== 'boolean' || typeof guests !== 'boolean') return undefined
  const allowed = isArray(value.allowed_room_ids) ? value.allowed_room_ids.slice(0, maxAllowed) : []
  return {
    room_id: roomId,
    num_joined_members: Number(members),
    world_readable: readable,
    guest_can_join: guests,
    // Source: `PublishedRoomsChunk`: where there is none, it is `public`.
    join_rule: typeof rule === 'string' ? rule : 'public',
    ...field(value, 'name', isText),
    ...field(value, 'topic', isText),
    ...field(value, 'canonical_alias', (text) => parseRoomAlias(text) !== undefined),
    ...field(value, 'avatar_url', (text) => parseMxcUri(text) !== undefined),
    ...field(value, 'room_type', isText),
    ...field(value, 'encryption', (text) => text === 'm.megolm.v1.aes-sha2'),
    ...field(value, 'room_version', isText),
    ...(allowed.length > 0 && { allowed_room_ids: allowed.flatMap((id) => parseRoomId(id) ?? []) }),
  }
}

const isText = (value: unknown) => typeof value === 'string' && value !== ''

function field<Name extends string>(
  value: Readonly<Record<string, unknown>>,
  name: Name,
  isRight: (value: unknown) => boolean,
): Partial<Record<Name, string>> {
  return isRight(value[name]) ? ({ [name]: value[name] } as Record<Name, string>) : {}
}
