import { expect } from 'vitest'
import { ok, type RoomEvent, v3 } from '../rooms/kit.ts'
import type { TestUser } from '../support/world.ts'
import { type RoomAnswer, sync } from './kit.ts'

export interface ModelRoom {
  membership: 'join' | 'leave'
  /** Ids of the events, oldest first. */
  timeline: string[]
  /** Ids of the state events, by type and state key. */
  readonly state: Map<string, string>
}

/** A client as the specification describes it: it keeps what syncs tell it, and asks for what a limited timeline left out. */
export interface ModelClient {
  readonly rooms: ReadonlyMap<string, ModelRoom>
  sync(limit: number): Promise<void>
}

export function modelClient(user: TestUser, stateAfter: boolean): ModelClient {
  const rooms = new Map<string, ModelRoom>()
  let since: string | undefined

  /** Oldest first. Without `to`: all that there is. */
  async function earlier(roomId: string, before: string, to: string | undefined): Promise<RoomEvent[]> {
    const found: RoomEvent[] = []
    const end = to === undefined ? '' : `&to=${to}`
    for (let from: string | undefined = before; from !== undefined; ) {
      const page: { chunk: RoomEvent[]; end?: string } = await ok(
        user,
        'GET',
        `${v3}/rooms/${roomId}/messages?dir=b&limit=7&from=${from}${end}`,
      )
      found.push(...page.chunk)
      from = page.end
    }
    return found.reverse()
  }

  async function take(roomId: string, answer: RoomAnswer, membership: 'join' | 'leave'): Promise<void> {
    const before = rooms.get(roomId)
    // Of a room that the client was not in it has nothing that it could go on from.
    const room: ModelRoom = before?.membership === 'join' ? before : { membership, timeline: [], state: new Map() }
    rooms.set(roomId, room)
    const { timeline } = answer
    const gap = timeline.limited ? await earlier(roomId, timeline.prev_batch, room === before ? since : undefined) : []
    const events = [...gap, ...timeline.events]
    const known = new Set(room.timeline)
    room.timeline.push(...events.map((event) => event.event_id).filter((id) => !known.has(id)))
    const changes = stateAfter ? answer.state_after.events : [...answer.state.events, ...timeline.events]
    for (const event of changes)
      if (event.state_key !== undefined) room.state.set(`${event.type} ${event.state_key}`, event.event_id)
    room.membership = membership
  }

  return {
    rooms,
    async sync(limit) {
      const answer = await sync(user, {
        ...(since !== undefined && { since }),
        filter: { room: { include_leave: true, timeline: { limit } } },
        more: stateAfter ? '&use_state_after=true' : '',
      })
      // An invitation ends whatever the room was before.
      for (const roomId of Object.keys(answer.rooms.invite)) rooms.delete(roomId)
      for (const [roomId, room] of Object.entries(answer.rooms.leave)) await take(roomId, room, 'leave')
      for (const [roomId, room] of Object.entries(answer.rooms.join)) await take(roomId, room, 'join')
      since = answer.next_batch
      for (const { timeline } of rooms.values()) expect(new Set(timeline).size, 'an event came twice').toBe(timeline.length)
    },
  }
}
