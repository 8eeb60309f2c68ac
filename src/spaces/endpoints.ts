import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { forbidden, invalidParam, notFound } from '../http/errors.ts'
import {
  parseRoomAlias,
  parseRoomId,
  parseServerName,
  type RoomAlias,
  type RoomId,
  type ServerName,
  serverOf,
} from '../matrix/identifiers.ts'
import type { Clock } from '../platform/clock.ts'
import type { Random } from '../platform/random.ts'
import type { Storage } from '../storage/storage.ts'
import { type KnownRoomsDeps, membershipIn, seenRoom } from './known-rooms.ts'
import { createPages, type Page } from './pages.ts'
import type { RemoteHierarchy } from './remote-hierarchy.ts'
import { startAt, walkOn } from './walk.ts'

export interface SpacesDeps {
  readonly storage: Storage
  readonly serverName: ServerName
  readonly clock: Clock
  readonly random: Random
  /** Undefined: this server does not speak with others. */
  readonly remote: RemoteHierarchy | undefined
  /** The room behind an alias, and servers that are in it; ends the request where there is none. */
  resolveAlias(alias: RoomAlias): Promise<{ readonly roomId: RoomId; readonly servers: readonly ServerName[] }>
}

const usualLimit = 50
const mostRooms = 100
const usualDepth = 10
const mostDepth = 50
const whole = Type.Integer({ minimum: 0 })

/** Spaces and what is in them, and rooms that one is not in. Source: client-server API, "Spaces" and "Room discovery". */
export function spacesEndpoints(deps: SpacesDeps): Endpoint[] {
  const { storage, resolveAlias } = deps
  const rooms: KnownRoomsDeps & { clock: Clock } = { ...deps, reader: storage.reader }
  const pages = createPages(deps)

  /** Where the answer begins: at the room, or after an earlier answer. */
  function pageFor(userId: string, roomId: RoomId, query: { from?: string; max_depth?: number; suggested_only?: boolean }): Page {
    const { from, max_depth: depth, suggested_only: suggested } = query
    const maxDepth = depth === undefined ? undefined : Math.min(depth, mostDepth)
    if (from === undefined) {
      return { userId, roomId, maxDepth: maxDepth ?? usualDepth, suggestedOnly: suggested ?? false, place: startAt(roomId) }
    }
    const page = pages.find(from)
    if (!page || page.userId !== userId || page.roomId !== roomId) throw invalidParam('from: is no token of an earlier answer')
    if ((maxDepth ?? page.maxDepth) !== page.maxDepth || (suggested ?? page.suggestedOnly) !== page.suggestedOnly)
      throw invalidParam('max_depth, suggested_only: cannot change from one page to the next')
    return page
  }

  async function target(text: string): Promise<{ roomId: RoomId; servers: readonly ServerName[] }> {
    const roomId = parseRoomId(text)
    const server = roomId && serverOf(roomId)
    if (roomId !== undefined) return { roomId, servers: server ? [server] : [] }
    const alias = parseRoomAlias(text)
    if (alias === undefined) throw invalidParam('roomIdOrAlias: must be the id of a room, or #name:server')
    return resolveAlias(alias)
  }

  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v1/rooms/{roomId}/hierarchy',
      auth: 'session',
      query: Type.Object({
        suggested_only: Type.Optional(Type.Boolean()),
        limit: Type.Optional(Type.Integer({ minimum: 1 })),
        max_depth: Type.Optional(whole),
        from: Type.Optional(Type.String({ maxLength: 64 })),
      }),
      rateLimit: { name: 'hierarchy', by: 'user', burst: 20, perSecond: 2 },
      async handle({ auth, path, query }) {
        const roomId = parseRoomId(path.roomId)
        if (roomId === undefined) throw invalidParam('roomId: must be the id of a room')
        const page = pageFor(auth.userId, roomId, query)
        const limit = Math.min(query.limit ?? usualLimit, mostRooms)
        const walked = await walkOn(rooms, page.place, page, limit)
        // The room itself comes first, or there is nothing to be told.
        if (query.from === undefined && walked.rooms[0]?.room_id !== roomId) throw forbidden('You cannot see this room')
        return { rooms: walked.rooms, ...(walked.next && { next_batch: pages.keep({ ...page, place: walked.next }) }) }
      },
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v1/room_summary/{roomIdOrAlias}',
      auth: 'optional',
      query: Type.Object({ via: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 50 })) }),
      rateLimit: { name: 'room-summary', by: 'address', burst: 30, perSecond: 2 },
      async handle({ auth, path, query }) {
        const { roomId, servers } = await target(path.roomIdOrAlias)
        const via = (query.via ?? []).flatMap((server) => parseServerName(server) ?? [])
        const room = await seenRoom(rooms, roomId, auth?.userId, [...via, ...servers])
        if (!room) throw notFound('There is no such room, or you cannot see it')
        const membership = membershipIn(storage.reader, roomId, auth?.userId)
        return { ...room.summary, ...(membership && { membership }) }
      },
    }),
  ]
}
