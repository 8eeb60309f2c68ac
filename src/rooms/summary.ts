import type { ServerName } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Reader } from '../storage/handles.ts'
import type { Room } from './members.ts'
import { roomsIn } from './restricted.ts'
import { serversIn } from './servers.ts'
import { createEventOf, currentStateContent } from './state.ts'

/** What a list says of a room; source: client-server API, `PublishedRoomsChunk`. */
export interface PublishedRoom {
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

/** What somebody who might enter learns of a room; source: client-server API, `RoomSummary`. */
export interface RoomSummary extends PublishedRoom {
  readonly allowed_room_ids?: readonly string[]
  readonly encryption?: string
  readonly room_version?: string
}

/** The only algorithm that the specification knows for rooms. */
const roomEncryption = 'm.megolm.v1.aes-sha2'

export function publishedRoomOf(reader: Reader, room: Room): PublishedRoom {
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

export function roomSummaryOf(reader: Reader, room: Room): RoomSummary {
  const published = publishedRoomOf(reader, room)
  const restricted = published.join_rule === 'restricted' || published.join_rule === 'knock_restricted'
  const allow = restricted ? currentStateContent(reader, room.nid, 'm.room.join_rules', '')?.allow : undefined
  const algorithm = currentStateContent(reader, room.nid, 'm.room.encryption', '')?.algorithm
  return {
    ...published,
    ...(restricted && { allowed_room_ids: roomsIn(allow) }),
    ...(algorithm === roomEncryption && { encryption: algorithm }),
    room_version: room.version,
  }
}

/** Whether everybody may read what happens in a room; source: client-server API, "Room history visibility". */
export function isWorldReadable(reader: Reader, nid: number): boolean {
  return currentStateContent(reader, nid, 'm.room.history_visibility', '')?.history_visibility === 'world_readable'
}

/** The room's join rule; a room without one is for those invited: server-server API, "Authorisation rules". */
export function joinRuleOf(reader: Reader, nid: number): string {
  const rule = currentStateContent(reader, nid, 'm.room.join_rules', '')?.join_rule
  return typeof rule === 'string' ? rule : 'invite'
}

/** Nobody tries more than a few, and a room may be on thousands. */
const maxServers = 50

/** Servers that may help to enter a room, this one first if it is in the room. */
export function serversToJoinThrough(reader: Reader, room: Room, serverName: ServerName): readonly ServerName[] {
  const servers = serversIn(reader, room.nid)
  const own = servers.includes(serverName) || servers.length === 0 ? [serverName] : []
  return [...own, ...servers.filter((server) => server !== serverName)].slice(0, maxServers)
}

/** A field of the summary. Events can hold anything, and what is not as it should be is left out. */
function text<Name extends string>(name: Name, value: unknown, start = ''): Partial<Record<Name, string>> {
  if (typeof value !== 'string' || value === '' || !value.startsWith(start)) return {}
  return { [name]: value } as Partial<Record<Name, string>>
}
