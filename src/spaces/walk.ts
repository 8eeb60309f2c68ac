import { type RoomId, type ServerName, serverOf } from '../matrix/identifiers.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { ChildEvent, SpaceChild } from '../rooms/space-children.ts'
import type { RoomSummary } from '../rooms/summary.ts'
import { type KnownRoomsDeps, roomHere, type SeenRoom, seenRoom } from './known-rooms.ts'

/** A room that is yet to be visited. */
interface Step {
  readonly roomId: RoomId
  readonly via: readonly ServerName[]
  readonly depth: number
  readonly told: RoomSummary | undefined
}

/** Where a walk through a space stands. Never changed, so that a page can be asked for twice. */
export interface Place {
  /** The next one last. */
  readonly steps: readonly Step[]
  readonly visited: ReadonlySet<RoomId>
}

export interface Walk {
  readonly userId: string
  readonly maxDepth: number
  readonly suggestedOnly: boolean
}

export type HierarchyRoom = RoomSummary & { readonly children_state: readonly ChildEvent[] }

/** Rooms in one walk, over all its pages. */
const maxRooms = 1000
/** Rooms elsewhere that are asked for at once, and in one page. */
const maxAtOnce = 6
const maxAsked = 60
/** A person waits for the page: after this, rooms elsewhere are left out. */
const patience: Milliseconds = 15_000

export function startAt(roomId: RoomId): Place {
  const server = serverOf(roomId)
  return { steps: [{ roomId, via: server ? [server] : [], depth: 0, told: undefined }], visited: new Set() }
}

/** Goes on depth first for at most `limit` rooms. Source: client-server API, "Discovering rooms within spaces". */
export async function walkOn(
  deps: KnownRoomsDeps & { readonly clock: Clock },
  place: Place,
  { userId, maxDepth, suggestedOnly }: Walk,
  limit: number,
): Promise<{ readonly rooms: readonly HierarchyRoom[]; readonly next: Place | undefined }> {
  const steps = [...place.steps]
  const visited = new Set(place.visited)
  const rooms: HierarchyRoom[] = []
  const look = lookAhead(deps, userId)
  while (rooms.length < limit && visited.size < maxRooms) {
    const step = steps.pop()
    if (!step) break
    if (visited.has(step.roomId)) continue
    visited.add(step.roomId)
    const room = await look(step)
    if (!room) continue
    const children = suggestedOnly ? room.children.filter((child) => child.suggested) : room.children
    rooms.push({ ...room.summary, children_state: children.map((child) => child.event) })
    if (step.depth >= maxDepth) continue
    const further = stepsTo(children, room, step).filter(({ roomId }) => !visited.has(roomId) && !isClosed(deps, room, roomId))
    steps.push(...further.toReversed())
    look.begin(steps.slice(-(limit - rooms.length)).toReversed())
  }
  const more = steps.some(({ roomId }) => !visited.has(roomId)) && visited.size < maxRooms
  return { rooms, next: more ? { steps, visited } : undefined }
}

function stepsTo(children: readonly SpaceChild[], { told }: SeenRoom, { depth }: Step): Step[] {
  return children.map(({ roomId, via }) => ({ roomId, via, depth: depth + 1, told: told.get(roomId) }))
}

/** What is known here counts for more than what others say. */
function isClosed({ reader, serverName }: KnownRoomsDeps, { closed }: SeenRoom, roomId: RoomId): boolean {
  return closed.has(roomId) && roomHere(reader, serverName, roomId) === undefined
}

type Seeing = Promise<SeenRoom | undefined>

/** Asks for rooms elsewhere before the walk comes to them, a few at a time. */
function lookAhead(deps: KnownRoomsDeps & { readonly clock: Clock }, userId: string) {
  const deadline = deps.clock.now() + patience
  const seen = new Map<RoomId, Seeing>()
  let underWay = 0

  function see({ roomId, via, told }: Step): Seeing {
    underWay += 1
    const seeing = seenRoom(deps, roomId, userId, via, told).finally(() => {
      underWay -= 1
    })
    seen.set(roomId, seeing)
    // Whoever comes to the room meets the error; perhaps nobody does.
    seeing.catch(() => undefined)
    return seeing
  }

  const mustAsk = ({ roomId, told }: Step) =>
    roomHere(deps.reader, deps.serverName, roomId) === undefined && (told === undefined || told.room_type === 'm.space')
  const mayAsk = () => seen.size < maxAsked && deps.clock.now() < deadline

  async function look(step: Step): Seeing {
    if (!mustAsk(step)) return seenRoom(deps, step.roomId, userId, step.via, step.told)
    return seen.get(step.roomId) ?? (mayAsk() ? see(step) : undefined)
  }

  /** What cannot be asked for now is asked for when its turn comes. */
  look.begin = (steps: readonly Step[]): void => {
    for (const step of steps) {
      if (underWay >= maxAtOnce || !mayAsk()) return
      if (!seen.has(step.roomId) && mustAsk(step)) see(step)
    }
  }
  return look
}
