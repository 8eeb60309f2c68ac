import Type from 'typebox'
import { allUsers } from '../../accounts/store.ts'
import type { FederationClient } from '../../federation/client.ts'
import { type EventId, parseEventId, type RoomId, type ServerName, type UserId } from '../../matrix/identifiers.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Log } from '../../platform/log.ts'
import { findEvent } from '../../rooms/event-store.ts'
import { joinedRoomsOf } from '../../rooms/members.ts'
import { askHistory } from '../../rooms/receiving/remote.ts'
import { serversIn } from '../../rooms/servers.ts'
import type { Reader } from '../../storage/handles.ts'
import type { Storage } from '../../storage/storage.ts'
import { lastSuccess } from '../job-runs.ts'
import type { Job } from '../jobs.ts'
import { BackupProblem } from './problems.ts'
import { lastRestore } from './restored-database.ts'

export interface CatchUpDeps {
  readonly storage: Storage
  readonly log: Log
  readonly serverName: ServerName
  readonly client: FederationClient
  /** Takes events of another server into their rooms, with what is missing before them. */
  receive(origin: ServerName, raws: readonly JsonObject[]): Promise<unknown>
}

const jobName = 'catch-up'
/** Servers of one room that are asked, one after the other. */
const maxServers = 5
/** Newest events of one room that are asked for. */
const maxHeads = 20
const template = Type.Object({ event: Type.Object({ prev_events: Type.Array(Type.Unknown(), { maxItems: 100 }) }) })

/**
 * After a restore: asks the other servers of each room what its newest events are, and fetches them with all that came since the snapshot, what
 * people of this server said themselves among it. Once, until each room had an answer.
 */
export function catchUpJob(deps: CatchUpDeps): Job {
  const { reader } = deps.storage
  return {
    name: jobName,
    when: '11 * * * *',
    atStart: true,
    due() {
      const restored = lastRestore(reader)
      return restored !== undefined && (lastSuccess(reader, jobName)?.startedAt ?? 0) < restored.restoredAt
    },
    async run(signal) {
      const counts = { rooms: 0, events: 0, unanswered: 0 }
      for (const room of sharedRooms(reader, deps.serverName)) {
        if (signal.aborted) throw new BackupProblem('failed', 'The server stops.')
        counts.rooms += 1
        const found = await catchUp(deps, room)
        if (found === undefined) counts.unanswered += 1
        else counts.events += found
      }
      if (counts.unanswered > 0)
        throw new BackupProblem('unreachable', `${counts.unanswered} of ${counts.rooms} rooms had no answer yet.`)
      return counts
    },
  }
}

interface SharedRoom {
  readonly roomId: RoomId
  /** Somebody of this server who is in it. */
  readonly userId: UserId
  readonly servers: readonly ServerName[]
}

function sharedRooms(reader: Reader, own: ServerName): readonly SharedRoom[] {
  const rooms = new Map<number, SharedRoom>()
  for (const { userId } of allUsers(reader)) {
    for (const { nid, roomId } of joinedRoomsOf(reader, userId)) {
      if (rooms.has(nid)) continue
      const servers = serversIn(reader, nid).filter((server) => server !== own)
      if (servers.length > 0) rooms.set(nid, { roomId, userId, servers })
    }
  }
  return [...rooms.values()]
}

/** How many of a room's newest events were fetched; undefined: no server answered. */
async function catchUp({ storage, log, client, receive }: CatchUpDeps, room: SharedRoom): Promise<number | undefined> {
  const history = askHistory(client)
  for (const server of room.servers.slice(0, maxServers)) {
    const newest = await newestEvents(client, server, room)
    if (!newest) continue
    const missing = newest.filter((eventId) => !findEvent(storage.reader, eventId)).slice(0, maxHeads)
    const events = (await Promise.all(missing.map((eventId) => history.event(server, eventId)))).filter(
      (event) => event !== undefined,
    )
    if (events.length > 0) await receive(server, events)
    log.info({ server, roomId: room.roomId, events: events.length }, 'asked what was missed')
    return events.length
  }
  return undefined
}

/**
 * The ends of a room's graph, as a server sees them. There is no question for that, but the draft of a leave names them, and asking for a draft
 * changes nothing. Source: server-server API, GET /make_leave.
 */
async function newestEvents(
  client: FederationClient,
  server: ServerName,
  { roomId, userId }: SharedRoom,
): Promise<EventId[] | undefined> {
  const target = `/_matrix/federation/v1/make_leave/${encodeURIComponent(roomId)}/${encodeURIComponent(userId)}`
  const answer = await client.ask(server, { method: 'GET', target }, template)
  if (!('body' in answer)) return undefined
  // Before room version 3 each is a pair of id and hashes.
  const ids = answer.body.event.prev_events.map((entry) => (Array.isArray(entry) ? entry[0] : entry))
  return ids.filter((id): id is EventId => typeof id === 'string' && parseEventId(id) !== undefined)
}
