import type { JsonObject } from '../matrix/json.ts'
import type { Room } from '../rooms/members.ts'
import { createEventOf, currentStateContent } from '../rooms/state.ts'
import type { Reader } from '../storage/handles.ts'
import { isWorldReadable, joinRuleOf } from './access.ts'

/** What a list says of a room; source: client-server API, `PublishedRoomsChunk`. */
export interface RoomSummary {
  readonly room_id: string
  readonly num_joined_members: number
  readonly world_readable: boolean
  readonly guest_can_join: boolean
  readonly join_rule: string
  readonly name?: string
  readonly topic?: string
  readonly canonical_alias?: string
  readonly avatar_url?: string
  readonly room_type?: string
}

export function summaryOf(reader: Reader, room: Room): RoomSummary {
  const content = (type: string): JsonObject | undefined => currentStateContent(reader, room.nid, type, '')
  return {
    room_id: room.roomId,
    num_joined_members: room.joinedMembers,
    world_readable: isWorldReadable(reader, room.nid),
    guest_can_join: content('m.room.guest_access')?.guest_access === 'can_join',
    join_rule: joinRuleOf(reader, room.nid),
    ...text('name', content('m.room.name')?.name),
    ...text('topic', content('m.room.topic')?.topic),
    ...text('canonical_alias', content('m.room.canonical_alias')?.alias, '#'),
    ...text('avatar_url', content('m.room.avatar')?.url, 'mxc://'),
    ...text('room_type', createEventOf(reader, room).content.type),
  }
}

/** A field of the summary. Events can hold anything, and what is not as it should be is left out. */
function text<Name extends string>(name: Name, value: unknown, start = ''): Partial<Record<Name, string>> {
  if (typeof value !== 'string' || value === '' || !value.startsWith(start)) return {}
  return { [name]: value } as Partial<Record<Name, string>>
}
