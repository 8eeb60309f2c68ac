import { type RoomAlias, type ServerName, serverOf } from '../matrix/identifiers.ts'
import { serversToJoinThrough } from '../rooms/summary.ts'
import type { Storage } from '../storage/storage.ts'
import type { AliasTarget, RemoteAliases } from './remote-aliases.ts'
import { roomByAlias } from './room-aliases.ts'

/** The room that any alias leads to, of this server or of another; ends the request with an error where there is none. */
export type AliasLookup = (alias: RoomAlias) => Promise<AliasTarget>

export function createAliasLookup(
  storage: Storage,
  serverName: ServerName,
  /** Undefined: this server does not speak with others. */
  remoteAliases: RemoteAliases | undefined,
): AliasLookup {
  return async (alias) => {
    if (remoteAliases && serverOf(alias) !== serverName) return remoteAliases(alias)
    const room = roomByAlias(storage.reader, serverName, alias)
    return { roomId: room.roomId, servers: serversToJoinThrough(storage.reader, room, serverName) }
  }
}
