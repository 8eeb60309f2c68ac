import { forbidden, invalidParam, MatrixError, notFound } from '../http/errors.ts'
import { parseRoomAlias, type RoomAlias, serverOf, type UserId } from '../matrix/identifiers.ts'
import { isArray, type JsonObject } from '../matrix/json.ts'
import { aliasCreator, aliasesOf, insertAlias, removeAlias, resolveAlias } from '../rooms/aliases.ts'
import type { Builder } from '../rooms/build.ts'
import { emit } from '../rooms/emit.ts'
import { findRoom, isJoined, type Room, roomOf } from '../rooms/members.ts'
import { currentStateContent } from '../rooms/state.ts'
import { isWorldReadable } from '../rooms/summary.ts'
import type { Reader, Writer } from '../storage/handles.ts'
import { maySetCanonicalAlias } from './access.ts'

/** More names for one room nobody needs. */
const maxAliases = 100

/** The alias in a parameter of a request; ends the request if it is none. */
export function aliasIn(text: string, name = 'roomAlias'): RoomAlias {
  const alias = parseRoomAlias(text)
  if (alias === undefined || alias.startsWith('#:') || /\s/.test(alias))
    throw invalidParam(`${name}: must look like #name:server`)
  return alias
}

/** Gives a room one more name. Source: client-server API, "PUT /directory/room/{roomAlias}". */
export function addAlias(tx: Writer, serverName: string, alias: RoomAlias, roomId: string, userId: string): void {
  if (serverOf(alias) !== serverName) throw invalidParam(`roomAlias: only aliases that end with :${serverName} can be made here`)
  const room = findRoom(tx, roomId)
  // Which rooms exist is nobody's business outside of them.
  if (!room || !isJoined(tx, room.nid, userId)) throw forbidden('room_id: you are not in this room')
  if (resolveAlias(tx, alias) !== undefined) throw taken(alias)
  if (aliasesOf(tx, room.nid).length >= maxAliases) throw forbidden(`A room can have ${maxAliases} aliases`)
  if (!insertAlias(tx, alias, room.nid, userId)) throw taken(alias)
}

function taken(alias: string): MatrixError {
  return new MatrixError(409, 'M_UNKNOWN', `roomAlias: ${alias} is taken`)
}

/** The room that an alias of this server leads to. */
export function roomByAlias(reader: Reader, serverName: string, alias: RoomAlias): Room {
  if (serverOf(alias) !== serverName) throw notFound('roomAlias: aliases of other servers are not known here')
  const nid = resolveAlias(reader, alias)
  if (nid === undefined) throw notFound('roomAlias: there is no such alias')
  return roomOf(reader, nid)
}

/**
 * Takes a name from a room: its creator, an administrator of the server and those who may set the canonical alias can do so.
 * The canonical alias follows if the user may change it, and the deletion succeeds if not, as the client-server API recommends.
 */
export function deleteAlias(
  tx: Writer,
  builder: Builder,
  alias: RoomAlias,
  user: { readonly userId: string; readonly admin: boolean },
): void {
  const room = roomByAlias(tx, builder.signer.serverName, alias)
  const rank = maySetCanonicalAlias(tx, room, user.userId)
  if (!rank && !user.admin && aliasCreator(tx, alias) !== user.userId)
    throw forbidden('Others made this alias, and it takes a higher power level to delete it')
  removeAlias(tx, alias)
  const before = currentStateContent(tx, room.nid, 'm.room.canonical_alias', '')
  const content = before && withoutAlias(before, alias)
  if (rank && content)
    emit(tx, builder, room, { type: 'm.room.canonical_alias', stateKey: '', sender: user.userId as UserId, content })
}

/** The content of `m.room.canonical_alias` without one alias; undefined: it does not name it. */
export function withoutAlias(content: JsonObject, alias: string): JsonObject | undefined {
  const { alias: main, alt_aliases: others, ...rest } = content
  const listed = isArray(others) ? others : []
  if (main !== alias && !listed.includes(alias)) return undefined
  const kept = listed.filter((other) => other !== alias)
  return { ...rest, ...(main !== undefined && main !== alias && { alias: main }), ...(kept.length > 0 && { alt_aliases: kept }) }
}

/** The names that this server gives to a room, for its members, or for everybody where everybody may read the room. */
export function localAliases(reader: Reader, roomId: string, userId: string): readonly string[] {
  const room = findRoom(reader, roomId)
  if (!room || !(isJoined(reader, room.nid, userId) || isWorldReadable(reader, room.nid)))
    throw forbidden('You are not in this room')
  return aliasesOf(reader, room.nid)
}
