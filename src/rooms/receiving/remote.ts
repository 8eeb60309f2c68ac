import Type, { type Static, type TSchema } from 'typebox'
import type { Answered, FederationClient, Question } from '../../federation/client.ts'
import { anyObject } from '../../http/schemas.ts'
import type { EventId, RoomId, ServerName } from '../../matrix/identifiers.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { createQueues } from '../../platform/queues.ts'

const events = Type.Array(anyObject)
/** A room of fifty thousand members, with what they stand on. */
const maxIds = 200_000
const stateEvents = Type.Array(anyObject, { maxItems: maxIds })
const ids = Type.Array(Type.String({ maxLength: 255 }), { maxItems: maxIds })

/** What a server is asked about a room's past; nothing in the answers is proven. Undefined: there is no answer that can be used. */
export interface RemoteHistory {
  /** Questions that a server has not answered at all, refusals aside, since the start. */
  silences(server: ServerName): number
  /** Events between `earliest` and `latest`; source: server-server API, "Retrieving events missing from a room's graph". */
  missingEvents(
    server: ServerName,
    roomId: RoomId,
    between: {
      readonly earliest: readonly EventId[]
      readonly latest: readonly EventId[]
      readonly limit: number
    },
  ): Promise<readonly JsonObject[] | undefined>
  /** Ids of the state before an event, and of its auth chain. */
  stateIds(server: ServerName, roomId: RoomId, eventId: EventId): Promise<StateIds | undefined>
  /** The same, with the events. */
  state(server: ServerName, roomId: RoomId, eventId: EventId): Promise<StateEvents | undefined>
  authChain(server: ServerName, roomId: RoomId, eventId: EventId): Promise<readonly JsonObject[] | undefined>
  event(server: ServerName, eventId: EventId): Promise<JsonObject | undefined>
  /** `eventIds` and what came before them, newest first. */
  backfill(
    server: ServerName,
    roomId: RoomId,
    eventIds: readonly EventId[],
    limit: number,
  ): Promise<readonly JsonObject[] | undefined>
}

export interface StateIds {
  readonly state: readonly EventId[]
  readonly authChain: readonly EventId[]
}

export interface StateEvents {
  readonly state: readonly JsonObject[]
  readonly authChain: readonly JsonObject[]
}

const v1 = '/_matrix/federation/v1'
const maxServers = 1000
/** Fifty events of the largest size. */
const pageLimits = { headers: 20_000, total: 30_000, bytes: 4 * 1024 * 1024 }
const idLimits = { headers: 30_000, total: 60_000, bytes: 16 * 1024 * 1024 }
/** A room of tens of thousands of members. */
const stateLimits = { headers: 30_000, total: 60_000, bytes: 64 * 1024 * 1024 }
/** Answers as large as a room that may be under way, one from each server: more would not fit into memory. */
const maxLarge = 3

export function askHistory(client: FederationClient): RemoteHistory {
  const silences = new Map<ServerName, number>()
  const inTurn = createQueues()
  let large = 0

  function noteSilence(server: ServerName): void {
    const count = (silences.get(server) ?? 0) + 1
    silences.delete(server)
    silences.set(server, count)
    if (silences.size > maxServers) silences.delete(silences.keys().next().value ?? server)
  }

  /** A question whose answer may be as large as a room. With too many under way it counts as unanswered: it can be asked again. */
  const askLarge: typeof ask = (server, ...question) =>
    inTurn(server, async () => {
      if (large >= maxLarge) {
        noteSilence(server)
        return undefined
      }
      large += 1
      try {
        return await ask(server, ...question)
      } finally {
        large -= 1
      }
    })

  async function ask<Schema extends TSchema>(
    server: ServerName,
    target: string,
    schema: Schema,
    more: Partial<Question> = { limits: pageLimits },
  ): Promise<Static<Schema> | undefined> {
    const answer: Answered<Static<Schema>> = await client.ask(
      server,
      { method: 'GET', target, exactNumbers: true, ...more },
      schema,
    )
    // A proxy answers for a server that is away.
    if ('problem' in answer && (answer.status === undefined || answer.status >= 500)) noteSilence(server)
    return 'body' in answer ? answer.body : undefined
  }
  const of = (id: string) => encodeURIComponent(id)

  return {
    silences: (server) => silences.get(server) ?? 0,
    async missingEvents(server, roomId, { earliest, latest, limit }) {
      // Depths are what servers say, so that they set no bound.
      const content = { earliest_events: [...earliest], latest_events: [...latest], min_depth: 0, limit }
      const answer = await ask(server, `${v1}/get_missing_events/${of(roomId)}`, Type.Object({ events: Type.Optional(events) }), {
        method: 'POST',
        content,
        limits: pageLimits,
      })
      return answer?.events as readonly JsonObject[] | undefined
    },
    async stateIds(server, roomId, eventId) {
      const schema = Type.Object({ pdu_ids: ids, auth_chain_ids: ids })
      const target = `${v1}/state_ids/${of(roomId)}?event_id=${of(eventId)}`
      const answer = await askLarge(server, target, schema, { limits: idLimits })
      return answer && { state: answer.pdu_ids as EventId[], authChain: answer.auth_chain_ids as EventId[] }
    },
    async state(server, roomId, eventId) {
      const schema = Type.Object({ pdus: stateEvents, auth_chain: stateEvents })
      const answer = await askLarge(server, `${v1}/state/${of(roomId)}?event_id=${of(eventId)}`, schema, { limits: stateLimits })
      return answer && { state: answer.pdus as JsonObject[], authChain: answer.auth_chain as JsonObject[] }
    },
    async authChain(server, roomId, eventId) {
      const schema = Type.Object({ auth_chain: stateEvents })
      const answer = await askLarge(server, `${v1}/event_auth/${of(roomId)}/${of(eventId)}`, schema, { limits: stateLimits })
      return answer?.auth_chain as readonly JsonObject[] | undefined
    },
    async event(server, eventId) {
      const answer = await ask(
        server,
        `${v1}/event/${of(eventId)}`,
        Type.Object({ pdus: Type.Array(anyObject, { maxItems: 1 }) }),
      )
      return answer?.pdus[0] as JsonObject | undefined
    },
    async backfill(server, roomId, eventIds, limit) {
      const query = eventIds.map((id) => `v=${of(id)}`).join('&')
      const answer = await ask(server, `${v1}/backfill/${of(roomId)}?${query}&limit=${limit}`, Type.Object({ pdus: events }))
      return answer?.pdus as readonly JsonObject[] | undefined
    },
  }
}
