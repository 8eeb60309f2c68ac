import Type from 'typebox'
import type { FederationClient } from '../federation/client.ts'
import { badGateway, notFound } from '../http/errors.ts'
import { parseRoomId, parseServerName, type RoomAlias, type RoomId, type ServerName, serverOf } from '../matrix/identifiers.ts'
import type { Log } from '../platform/log.ts'

export interface AliasTarget {
  readonly roomId: RoomId
  /** Servers that may help to join the room. */
  readonly servers: readonly ServerName[]
}

/** The room that an alias of another server leads to; ends the request with an error where there is none. */
export type RemoteAliases = (alias: RoomAlias) => Promise<AliasTarget>

const resolved = Type.Object({ room_id: Type.String({ maxLength: 255 }), servers: Type.Array(Type.String()) })
/** A room may be on thousands; nobody tries more than a few. */
const maxServers = 100

/** Asks the alias's own server. Source: server-server API, "Querying for information". */
export function createRemoteAliases(client: FederationClient, log: Log): RemoteAliases {
  return async (alias) => {
    const server = serverOf(alias)
    const target = `/_matrix/federation/v1/query/directory?${new URLSearchParams({ room_alias: alias })}`
    const answer = await client.ask(server, { method: 'GET', target }, resolved)
    const roomId = 'body' in answer ? parseRoomId(answer.body.room_id) : undefined
    if ('body' in answer && roomId !== undefined) {
      const servers = answer.body.servers.flatMap((name) => parseServerName(name) ?? [])
      return { roomId, servers: servers.slice(0, maxServers) }
    }
    if ('refusal' in answer && answer.refusal.status === 404) throw notFound('roomAlias: there is no such alias')
    log.info({ server, answer: 'body' in answer ? 'no room id' : answer }, 'no answer to a question for an alias')
    throw badGateway(`${server} gave no answer that can be used`)
  }
}
