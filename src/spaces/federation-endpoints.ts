import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { notFound } from '../http/errors.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import { mayServerPreview } from '../rooms/previews.ts'
import { spaceChildrenOf } from '../rooms/space-children.ts'
import { type RoomSummary, roomSummaryOf } from '../rooms/summary.ts'
import type { Storage } from '../storage/storage.ts'
import { roomHere } from './known-rooms.ts'

/** Others ask again for the children that are spaces. */
const maxChildren = 100

/** Spaces that this server is in, for other servers. Source: server-server API, "Spaces". */
export function spacesFederationEndpoints(storage: Storage, serverName: ServerName): Endpoint[] {
  const { reader } = storage
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/federation/v1/hierarchy/{roomId}',
      auth: 'server',
      query: Type.Object({ suggested_only: Type.Optional(Type.Boolean()) }),
      rateLimit: { name: 'federation-hierarchy', by: 'server', burst: 100, perSecond: 10 },
      handle({ auth: { origin }, path, query }) {
        const room = roomHere(reader, serverName, path.roomId)
        if (!room || !mayServerPreview(reader, room, origin)) throw notFound('There is no such room, or you cannot see it')
        const linked = spaceChildrenOf(reader, room)
          .filter((child) => child.suggested || query.suggested_only !== true)
          .slice(0, maxChildren)
        const children: RoomSummary[] = []
        const closed: string[] = []
        for (const { roomId } of linked) {
          const child = roomHere(reader, serverName, roomId)
          if (!child) continue
          if (mayServerPreview(reader, child, origin)) children.push(roomSummaryOf(reader, child))
          else closed.push(roomId)
        }
        return {
          room: { ...roomSummaryOf(reader, room), children_state: linked.map(({ event }) => event) },
          children,
          inaccessible_children: closed,
        }
      },
    }),
  ]
}
