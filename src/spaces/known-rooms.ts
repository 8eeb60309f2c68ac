import type { RoomId, ServerName } from '../matrix/identifiers.ts'
import { findRoom, memberOf, type Room } from '../rooms/members.ts'
import { mayPreview, mayPreviewRemote } from '../rooms/previews.ts'
import { isServerIn } from '../rooms/servers.ts'
import { type SpaceChild, spaceChildrenOf } from '../rooms/space-children.ts'
import { type RoomSummary, roomSummaryOf } from '../rooms/summary.ts'
import type { Reader } from '../storage/handles.ts'
import type { RemoteHierarchy } from './remote-hierarchy.ts'

/** A room as somebody may see it who need not be in it. */
export interface SeenRoom {
  readonly summary: RoomSummary
  readonly children: readonly SpaceChild[]
  /** What a server elsewhere told of the children, which need not be asked for again. */
  readonly told: ReadonlyMap<RoomId, RoomSummary>
  readonly closed: ReadonlySet<RoomId>
}

export interface KnownRoomsDeps {
  readonly reader: Reader
  readonly serverName: ServerName
  /** Undefined: this server does not speak with others. */
  readonly remote: RemoteHierarchy | undefined
}

const nothing = { told: new Map<RoomId, RoomSummary>(), closed: new Set<RoomId>() }

/** The room, if this server is in it: only then does it know what is so now. */
export function roomHere(reader: Reader, serverName: ServerName, roomId: string): Room | undefined {
  const room = findRoom(reader, roomId)
  return room && isServerIn(reader, room.nid, serverName) ? room : undefined
}

/**
 * A room as a user may see it (undefined: nobody signed in), from here or from one of the servers `via`. Undefined: it may not be seen, or
 * nobody tells of it. `told`: what another server said of it already; that does for a room that is no space.
 */
export async function seenRoom(
  { reader, serverName, remote }: KnownRoomsDeps,
  roomId: RoomId,
  userId: string | undefined,
  via: readonly ServerName[],
  told?: RoomSummary,
): Promise<SeenRoom | undefined> {
  const here = roomHere(reader, serverName, roomId)
  if (here) {
    if (!mayPreview(reader, here, userId)) return undefined
    return { summary: roomSummaryOf(reader, here), children: spaceChildrenOf(reader, here), ...nothing }
  }
  if (told && told.room_type !== 'm.space') {
    return maySee(reader, told, userId) ? { summary: told, children: [], ...nothing } : undefined
  }
  const elsewhere = await remote?.(roomId, via)
  if (!elsewhere || !maySee(reader, elsewhere.summary, userId)) return undefined
  const { summary, children, childSummaries, inaccessible } = elsewhere
  return { summary, children, told: childSummaries, closed: inaccessible }
}

function maySee(reader: Reader, summary: RoomSummary, userId: string | undefined): boolean {
  return mayPreviewRemote(reader, summary, membershipIn(reader, summary.room_id, userId), userId)
}

/** As it is known here, which for a room elsewhere may be an invitation. */
export function membershipIn(reader: Reader, roomId: string, userId: string | undefined) {
  const room = userId === undefined ? undefined : findRoom(reader, roomId)
  return room && userId !== undefined ? memberOf(reader, room.nid, userId)?.membership : undefined
}
