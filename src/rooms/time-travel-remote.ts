import Type from 'typebox'
import type { FederationClient } from '../federation/client.ts'
import type { EventId, ServerName } from '../matrix/identifiers.ts'
import type { Milliseconds } from '../platform/clock.ts'
import type { Storage } from '../storage/storage.ts'
import { findEvent, orderOf } from './event-store.ts'
import { missingBetween } from './heads.ts'
import type { Room } from './members.ts'
import type { Backfill } from './receiving/backfill.ts'
import { serversIn } from './servers.ts'
import { closestEvents, type Direction } from './time-travel.ts'

export interface RemoteTimeTravelDeps {
  readonly storage: Storage
  readonly client: FederationClient
  readonly backfill: Backfill
  readonly serverName: ServerName
}

const maxServers = 3
/** Pages fetched to get to the event that another server named: what is further away stays unknown. */
const maxPages = 10
const answer = Type.Object({ event_id: Type.String({ maxLength: 255 }), origin_server_ts: Type.Integer() })

/**
 * Fetches the history between the known events on both sides of a time, where some is missing and another server knows of an event there.
 * Source: server-server API, GET /timestamp_to_event.
 */
export function createRemoteTimeTravel({ storage, client, backfill, serverName }: RemoteTimeTravelDeps) {
  const { reader } = storage

  /** The places in the timeline between which events are missing, if they are. */
  function gapAround(room: Room, time: Milliseconds): { from: number; to: number } | undefined {
    const [before] = closestEvents(reader, room.nid, time, 'b', 1)
    const [after] = closestEvents(reader, room.nid, time, 'f', 1)
    const from = before ? orderOf(before) : Number.MIN_SAFE_INTEGER
    const to = after ? orderOf(after) : Number.MAX_SAFE_INTEGER
    return missingBetween(reader, room.nid, from, to, 1).length > 0 ? { from, to } : undefined
  }

  async function ask(server: ServerName, room: Room, time: Milliseconds, direction: Direction): Promise<EventId | undefined> {
    const target = `/_matrix/federation/v1/timestamp_to_event/${encodeURIComponent(room.roomId)}?ts=${time}&dir=${direction}`
    const answered = await client.ask(server, { method: 'GET', target }, answer)
    if (!('body' in answered)) return undefined
    const { event_id: eventId, origin_server_ts: at } = answered.body
    return (direction === 'f' ? at >= time : at <= time) ? (eventId as EventId) : undefined
  }

  const isPlaced = (eventId: EventId) => typeof findEvent(reader, eventId)?.timelineOrder === 'number'

  return async (room: Room, time: Milliseconds, direction: Direction): Promise<void> => {
    if (!gapAround(room, time)) return
    const servers = serversIn(reader, room.nid).filter((server) => server !== serverName)
    for (const server of servers.slice(0, maxServers)) {
      const wanted = await ask(server, room, time, direction)
      if (wanted === undefined) continue
      for (let pages = 0; pages < maxPages && !isPlaced(wanted); pages += 1) {
        const gap = gapAround(room, time)
        if (!gap || !(await backfill.fill(room, gap.from, gap.to))) return
      }
      return
    }
  }
}
