import Type from 'typebox'
import type { FederationClient } from '../federation/client.ts'
import { badGateway, forbidden } from '../http/errors.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Log } from '../platform/log.ts'
import { readSummary } from '../rooms/remote-summary.ts'
import { maxPage, type PublicRoomsPage, type PublicRoomsQuery } from './public-rooms.ts'

/** What another server lists; ends the request with an error where it says nothing. */
export type RemotePublicRooms = (server: ServerName, query: RemoteQuery) => Promise<PublicRoomsPage>

export interface RemoteQuery extends PublicRoomsQuery {
  readonly include_all_networks?: boolean
  readonly third_party_instance_id?: string
}

const token = Type.Optional(Type.Union([Type.String({ maxLength: 2048 }), Type.Null()]))
const page = Type.Object({
  chunk: Type.Array(Type.Unknown()),
  next_batch: token,
  prev_batch: token,
  total_room_count_estimate: Type.Optional(Type.Integer({ minimum: 0 })),
})

/** Bytes: a hundred rooms with long topics. */
const maxBytes = 1024 * 1024
const path = '/_matrix/federation/v1/publicRooms'

/** Source: server-server API, "Published Room Directory". */
export function createRemotePublicRooms(client: FederationClient, log: Log): RemotePublicRooms {
  return async (server, query) => {
    // Without a limit others send all that they have.
    const limit = Math.min(query.limit || maxPage, maxPage)
    const answer = await client.ask(server, { ...questionOf({ ...query, limit }), limits: { bytes: maxBytes } }, page)
    if ('body' in answer) {
      const { chunk, next_batch, prev_batch, total_room_count_estimate: total } = answer.body
      const rooms = chunk.slice(0, limit).flatMap((room) => readSummary(room) ?? [])
      return {
        chunk: rooms,
        ...(typeof next_batch === 'string' && { next_batch }),
        ...(typeof prev_batch === 'string' && { prev_batch }),
        total_room_count_estimate: total ?? rooms.length,
      }
    }
    log.info({ server, answer }, 'no answer to a question for public rooms')
    if ('refusal' in answer && answer.refusal.status === 403) throw forbidden(`${server} does not show its rooms`)
    throw badGateway(`${server} gave no answer that can be used`)
  }
}

/** With a filter it takes a body. */
function questionOf({ filter, ...rest }: RemoteQuery) {
  if (filter) return { method: 'POST', target: path, content: { ...rest, filter: { ...filter } } as JsonObject } as const
  const search = new URLSearchParams(Object.entries(rest).map(([name, value]) => [name, String(value)] as [string, string]))
  return { method: 'GET', target: `${path}?${search}` } as const
}
