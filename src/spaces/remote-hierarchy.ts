import Type from 'typebox'
import type { FederationClient } from '../federation/client.ts'
import { createExpiringCache } from '../federation/expiring-cache.ts'
import { parseRoomId, type RoomId, type ServerName } from '../matrix/identifiers.ts'
import { isObject } from '../matrix/json.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { readSummary } from '../rooms/remote-summary.ts'
import { inOrder, readChild, type SpaceChild } from '../rooms/space-children.ts'
import type { RoomSummary } from '../rooms/summary.ts'

/** What another server tells of a room that is not known here. */
export interface RemoteRoom {
  readonly summary: RoomSummary
  /** In their order; none where the room is no space. */
  readonly children: readonly SpaceChild[]
  /** What it knows of them. */
  readonly childSummaries: ReadonlyMap<RoomId, RoomSummary>
  /** Children that nobody of this server can enter. */
  readonly inaccessible: ReadonlySet<RoomId>
}

/** Undefined: nobody told of it. */
export type RemoteHierarchy = (roomId: RoomId, via: readonly ServerName[]) => Promise<RemoteRoom | undefined>

export interface RemoteHierarchyDeps {
  readonly client: FederationClient
  readonly serverName: ServerName
  readonly clock: Clock
  readonly log: Log
}

const answered = Type.Object({
  room: Type.Unknown(),
  children: Type.Array(Type.Unknown()),
  inaccessible_children: Type.Optional(Type.Array(Type.Unknown())),
})

/** A person waits; bytes: a hundred rooms with long topics. */
const limits = { total: 6000, bytes: 1024 * 1024 }
const answerLasts: Milliseconds = 5 * 60_000
const maxKept = 200
/** Servers that are asked about one room. */
const maxAsked = 3
const maxChildren = 200

/** Asks servers one after the other until one tells. Source: server-server API, "Spaces". */
export function createRemoteHierarchy({ client, serverName, clock, log }: RemoteHierarchyDeps): RemoteHierarchy {
  const known = createExpiringCache<RemoteRoom | undefined>(clock, maxKept)

  async function ask(server: ServerName, roomId: RoomId): Promise<RemoteRoom | undefined> {
    const target = `/_matrix/federation/v1/hierarchy/${encodeURIComponent(roomId)}?suggested_only=false`
    const answer = await client.ask(server, { method: 'GET', target, limits }, answered)
    const room = 'body' in answer ? readAnswer(answer.body.room, answer.body, roomId) : undefined
    if (!room) log.debug({ server, roomId, answer: 'body' in answer ? 'another room' : answer }, 'nothing was told of a room')
    return room
  }

  return (roomId, via) =>
    // That nobody told is not kept: whoever enters a space sees at once what that opens.
    known.get(roomId, async () => {
      for (const server of [...new Set(via)].filter((name) => name !== serverName).slice(0, maxAsked)) {
        const room = await ask(server, roomId)
        if (room) return { value: room, lasts: answerLasts }
      }
      return { value: undefined, lasts: 0 }
    })
}

function readAnswer(
  room: unknown,
  { children, inaccessible_children: closed = [] }: { children: readonly unknown[]; inaccessible_children?: readonly unknown[] },
  roomId: RoomId,
): RemoteRoom | undefined {
  const summary = readSummary(room)
  if (summary?.room_id !== roomId) return undefined
  const events = isObject(room) && Array.isArray(room.children_state) ? room.children_state.slice(0, maxChildren) : []
  const isSpace = summary.room_type === 'm.space'
  const linked = isSpace ? inOrder(events.flatMap((event: unknown) => readStrippedChild(event) ?? [])) : []
  const ids = new Set(linked.map((child) => child.roomId))
  // Of rooms that are no children of this one it may say whatever it wants.
  const told = children.slice(0, maxChildren).flatMap((child) => readSummary(child) ?? [])
  return {
    summary,
    children: linked,
    childSummaries: new Map(
      told.flatMap((child) => (ids.has(child.room_id as RoomId) ? [[child.room_id as RoomId, child]] : [])),
    ),
    inaccessible: new Set(closed.slice(0, maxChildren).flatMap((id) => parseRoomId(id) ?? [])),
  }
}

function readStrippedChild(event: unknown): SpaceChild | undefined {
  if (!isObject(event) || event.type !== 'm.space.child') return undefined
  const { state_key, content, sender, origin_server_ts } = event
  if (typeof state_key !== 'string' || typeof sender !== 'string' || !isObject(content)) return undefined
  if (!Number.isSafeInteger(origin_server_ts)) return undefined
  return readChild({ type: 'm.space.child', state_key, content, sender, origin_server_ts: Number(origin_server_ts) })
}
