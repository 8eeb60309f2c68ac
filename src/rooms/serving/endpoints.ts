import Type from 'typebox'
import { type Endpoint, endpoint, type RateLimit } from '../../http/endpoint.ts'
import { notFound } from '../../http/errors.ts'
import { jsonText } from '../../http/reply.ts'
import type { ServerName } from '../../matrix/identifiers.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Storage } from '../../storage/storage.ts'
import { type EventRow, findEvent } from '../event-store.ts'
import { type Room, roomOf } from '../members.ts'
import { closestEvents } from '../time-travel.ts'
import { eventsBetween, eventsUpTo } from './graph.ts'
import { requireShared } from './require-shared.ts'
import { serverView } from './server-view.ts'
import { authChainAnswer, stateAnswer, stateIdsAnswer } from './state-answers.ts'

export interface ServingDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly serverName: ServerName
}

const v1 = '/_matrix/federation/v1'
/** A server that catches up asks for many events one by one. */
const readLimit: RateLimit = { name: 'federation-events', by: 'server', burst: 1000, perSecond: 100 }
/** Walks through the graph: some hundred events each. */
const walkLimit: RateLimit = { name: 'federation-history', by: 'server', burst: 200, perSecond: 20 }
const stateLimit: RateLimit = { name: 'federation-state', by: 'server', burst: 30, perSecond: 3 }
const maxBackfill = 100
/** As many as a transaction can have. */
const maxMissing = 50
const id = Type.String({ maxLength: 255 })
const atEvent = Type.Object({ event_id: id })

/** Events and states of rooms for the servers that are in them; source: server-server API, "Retrieving events" and the chapters around it. */
export function servingEndpoints({ storage, clock, serverName }: ServingDeps): Endpoint[] {
  const { reader } = storage

  function visible(room: Room, server: ServerName, rows: readonly EventRow[]): string {
    const view = serverView(reader, room, server)
    return rows.map((row) => view.textOf(row)).join(',')
  }

  const transaction = (pdus: string) =>
    jsonText(`{"origin":${JSON.stringify(serverName)},"origin_server_ts":${clock.now()},"pdus":[${pdus}]}`)

  return [
    endpoint({
      method: 'GET',
      path: `${v1}/event/{eventId}`,
      auth: 'server',
      rateLimit: readLimit,
      handle({ auth, path }) {
        const row = findEvent(reader, path.eventId)
        if (!row) throw notFound('There is no such event')
        const room = requireShared(reader, roomOf(reader, row.roomNid).roomId, auth.origin)
        return transaction(visible(room, auth.origin, [row]))
      },
    }),
    endpoint({
      method: 'GET',
      path: `${v1}/state/{roomId}`,
      auth: 'server',
      query: atEvent,
      rateLimit: stateLimit,
      handle: ({ auth, path, query }) =>
        stateAnswer(reader, requireShared(reader, path.roomId, auth.origin, [query.event_id]), query.event_id),
    }),
    endpoint({
      method: 'GET',
      path: `${v1}/state_ids/{roomId}`,
      auth: 'server',
      query: atEvent,
      rateLimit: stateLimit,
      handle: ({ auth, path, query }) =>
        stateIdsAnswer(reader, requireShared(reader, path.roomId, auth.origin, [query.event_id]), query.event_id),
    }),
    endpoint({
      method: 'GET',
      path: `${v1}/event_auth/{roomId}/{eventId}`,
      auth: 'server',
      rateLimit: stateLimit,
      handle: ({ auth, path }) =>
        authChainAnswer(reader, requireShared(reader, path.roomId, auth.origin, [path.eventId]), path.eventId),
    }),
    endpoint({
      method: 'GET',
      path: `${v1}/backfill/{roomId}`,
      auth: 'server',
      query: Type.Object({
        v: Type.Array(id, { minItems: 1, maxItems: maxBackfill }),
        limit: Type.Integer({ minimum: 1 }),
      }),
      rateLimit: walkLimit,
      handle({ auth, path, query }) {
        const room = requireShared(reader, path.roomId, auth.origin)
        const rows = eventsUpTo(reader, room, query.v, Math.min(query.limit, maxBackfill))
        return transaction(visible(room, auth.origin, rows))
      },
    }),
    endpoint({
      method: 'POST',
      path: `${v1}/get_missing_events/{roomId}`,
      auth: 'server',
      body: Type.Object({
        earliest_events: Type.Array(id, { maxItems: 100 }),
        latest_events: Type.Array(id, { maxItems: 100 }),
        limit: Type.Optional(Type.Integer({ minimum: 0 })),
        min_depth: Type.Optional(Type.Integer()),
      }),
      rateLimit: walkLimit,
      handle({ auth, path, body }) {
        const room = requireShared(reader, path.roomId, auth.origin, body.latest_events)
        const rows = eventsBetween(reader, room, {
          earliest: body.earliest_events,
          latest: body.latest_events,
          minDepth: body.min_depth ?? 0,
          limit: Math.min(body.limit ?? 10, maxMissing),
        })
        return jsonText(`{"events":[${visible(room, auth.origin, rows)}]}`)
      },
    }),
    endpoint({
      method: 'GET',
      path: `${v1}/timestamp_to_event/{roomId}`,
      auth: 'server',
      query: Type.Object({ ts: Type.Integer(), dir: Type.Union([Type.Literal('f'), Type.Literal('b')]) }),
      rateLimit: readLimit,
      handle({ auth, path, query: { ts, dir } }) {
        const room = requireShared(reader, path.roomId, auth.origin)
        const [row] = closestEvents(reader, room.nid, ts, dir, 1)
        if (!row) throw notFound(`There is no event ${dir === 'b' ? 'before' : 'after'} ${ts}`)
        return { event_id: row.eventId, origin_server_ts: row.originServerTs }
      },
    }),
  ]
}
