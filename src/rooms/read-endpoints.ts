import Type from 'typebox'
import { type Endpoint, endpoint, type Session } from '../http/endpoint.ts'
import { forbidden, invalidParam, missingParam, notFound } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import type { Clock } from '../platform/clock.ts'
import { type Position, type Reader, statement } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { accessTo, requireAccess, rootAfter } from './access.ts'
import { clientEvent } from './client-event.ts'
import { contentText, type EventRow, eventAt, findEvent, wasRefused } from './event-store.ts'
import { roomEventFilterInQuery } from './filter-schema.ts'
import { newestFor, readPage, renderingFor, senderMembers } from './history.ts'
import { joinedRoomsOf, type Room } from './members.ts'
import { currentEntries, currentEntry, entryAt } from './state.ts'
import { statePositions } from './state-snapshots.ts'
import { parseToken, tokenOf } from './timeline.ts'
import { roomView } from './visibility.ts'

export interface ReadDeps {
  readonly storage: Storage
  readonly clock: Clock
  /** Fetches what other servers have between two places of a room's timeline; false: nothing came. */
  readonly fillHistory?: ((room: Room, from: Position, to: Position) => Promise<boolean>) | undefined
}

const room = '/_matrix/client/v3/rooms/{roomId}'
const maxPage = 1000
/** Pages fetched from other servers for one request. */
const maxFetches = 3
const membership = Type.Union(['join', 'invite', 'knock', 'leave', 'ban'].map((value) => Type.Literal(value)))
const readLimit = { name: 'read', by: 'user', burst: 300, perSecond: 50 } as const

/** Reading rooms: timeline, single events, state, members; source: client-server API, "Getting events for a room". */
export function readEndpoints({ storage, clock, fillHistory }: ReadDeps): Endpoint[] {
  const { reader } = storage

  function stateEntryFor(auth: Session, roomId: string, type: string, stateKey: string): EventRow {
    const access = requireAccess(reader, roomId, auth.userId)
    const position =
      access.frozen === undefined
        ? currentEntry(reader, access.room.nid, type, stateKey)
        : entryAt(reader, access.frozen, type, stateKey)
    if (position === undefined) throw notFound('The room has no such state')
    return eventAt(reader, position)
  }

  const oneState = (auth: Session, roomId: string, type: string, stateKey: string, format: string | undefined) => {
    const row = stateEntryFor(auth, roomId, type, stateKey)
    if (format !== 'event') return jsonText(contentText(row))
    const access = requireAccess(reader, roomId, auth.userId)
    return jsonText(clientEvent(reader, row, renderingFor(reader, access.room, auth, clock.now(), true)))
  }
  const formatQuery = Type.Object({ format: Type.Optional(Type.Union([Type.Literal('content'), Type.Literal('event')])) })

  function stateRows(
    auth: Session,
    roomId: string,
    at?: Position,
  ): { rows: EventRow[]; access: ReturnType<typeof requireAccess> } {
    const access = requireAccess(reader, roomId, auth.userId)
    const root =
      at === undefined
        ? access.frozen
        : (access.frozen ?? rootAfter(reader, access.room, Math.max(at, firstMembers(reader, access.room))))
    const positions = root === undefined ? currentEntries(reader, access.room.nid) : [...statePositions(reader, root)]
    return { rows: positions.map((position) => eventAt(reader, position)), access }
  }

  return [
    endpoint({
      method: 'GET',
      path: `${room}/event/{eventId}`,
      auth: 'session',
      rateLimit: readLimit,
      handle({ auth, path }) {
        const row = findEvent(reader, path.eventId)
        const access = row && accessTo(reader, path.roomId, auth.userId)
        if (!row || !access || row.roomNid !== access.room.nid || wasRefused(row)) throw notFound('There is no such event')
        const view = roomView(reader, access.room, auth.userId)
        if (!view.maySee(row)) throw notFound('There is no such event')
        return jsonText(clientEvent(reader, row, renderingFor(reader, access.room, auth, clock.now(), true, view)))
      },
    }),
    endpoint({
      method: 'GET',
      path: `${room}/messages`,
      auth: 'session',
      rateLimit: readLimit,
      query: Type.Object({
        dir: Type.Optional(Type.Union([Type.Literal('b'), Type.Literal('f')])),
        from: Type.Optional(Type.String()),
        to: Type.Optional(Type.String()),
        limit: Type.Optional(Type.Integer({ minimum: 0 })),
        filter: Type.Optional(Type.String({ maxLength: 16_384 })),
      }),
      async handle({ auth, path, query }) {
        const access = requireAccess(reader, path.roomId, auth.userId)
        // Who may not read the room is told so first.
        if (query.dir === undefined) throw missingParam('dir: is required')
        const backward = query.dir === 'b'
        const newest = newestFor(access.room, access.frozen === undefined ? undefined : access.member)
        const filter = roomEventFilterInQuery(query.filter)
        const from = query.from === undefined ? (backward ? newest : 0) : token('from', query.from)
        const to = query.to === undefined ? (backward ? undefined : newest) : token('to', query.to)
        const view = roomView(reader, access.room, auth.userId)
        const limit = Math.min(query.limit ?? filter?.limit ?? 10, maxPage)
        const start = backward ? Math.min(from, newest) : from
        const read = () => readPage(reader, access.room, view, { from: start, to, backward, limit, filter })
        let page = read()
        for (let fetches = 0; backward && fillHistory && fetches < maxFetches; fetches += 1) {
          if (!(await fillHistory(access.room, Math.max(page.next ?? 0, to ?? 0), start))) break
          page = read()
        }
        const rendering = renderingFor(reader, access.room, auth, clock.now(), true, view)
        const chunk = page.rows.map((row) => clientEvent(reader, row, rendering)).join(',')
        const members =
          filter?.lazy_load_members && page.rows.length > 0 ? senderMembers(reader, access.room, page.rows, rendering) : []
        const end = page.next === undefined ? '' : `,"end":"${tokenOf(page.next)}"`
        const state = members.length === 0 ? '' : `,"state":[${members.join(',')}]`
        return jsonText(`{"chunk":[${chunk}],"start":"${tokenOf(from)}"${end}${state}}`)
      },
    }),
    endpoint({
      method: 'GET',
      path: `${room}/context/{eventId}`,
      auth: 'session',
      rateLimit: readLimit,
      query: Type.Object({
        limit: Type.Optional(Type.Integer({ minimum: 0 })),
        filter: Type.Optional(Type.String({ maxLength: 16_384 })),
      }),
      handle({ auth, path, query }) {
        const access = requireAccess(reader, path.roomId, auth.userId)
        const row = findEvent(reader, path.eventId)
        const view = roomView(reader, access.room, auth.userId)
        if (!row || row.roomNid !== access.room.nid || row.timelineOrder === null || !view.maySee(row))
          throw notFound('There is no such event')
        const filter = roomEventFilterInQuery(query.filter)
        const limit = Math.min(query.limit ?? 10, maxPage)
        const before = Math.floor(limit / 2)
        const order = row.timelineOrder
        const newest = newestFor(access.room, access.frozen === undefined ? undefined : access.member)
        const earlier = readPage(reader, access.room, view, {
          from: order - 1,
          to: undefined,
          backward: true,
          limit: before,
          filter,
        })
        const later = readPage(reader, access.room, view, {
          from: order,
          to: newest,
          backward: false,
          limit: limit - before,
          filter,
        })
        const rendering = renderingFor(reader, access.room, auth, clock.now(), true, view)
        const render = (rows: readonly EventRow[]) => rows.map((event) => clientEvent(reader, event, rendering)).join(',')
        const last = later.rows.at(-1) ?? row
        const start = (earlier.rows.at(-1)?.timelineOrder ?? order) - 1
        const end = last.timelineOrder ?? order
        const shown = [row, ...earlier.rows, ...later.rows]
        const state = filter?.lazy_load_members
          ? senderMembers(reader, access.room, shown, rendering).join(',')
          : render([...statePositions(reader, rootAfter(reader, access.room, end))].map((position) => eventAt(reader, position)))
        return jsonText(
          `{"start":"${tokenOf(start)}","end":"${tokenOf(end)}","event":${clientEvent(reader, row, rendering)},"events_before":[${render(earlier.rows)}],"events_after":[${render(later.rows)}],"state":[${state}]}`,
        )
      },
    }),
    endpoint({
      method: 'GET',
      path: `${room}/state`,
      auth: 'session',
      rateLimit: readLimit,
      handle({ auth, path }) {
        const { rows, access } = stateRows(auth, path.roomId)
        const rendering = renderingFor(reader, access.room, auth, clock.now(), true)
        return jsonText(`[${rows.map((row) => clientEvent(reader, row, rendering)).join(',')}]`)
      },
    }),
    endpoint({
      method: 'GET',
      path: `${room}/state/{eventType}/{stateKey}`,
      auth: 'session',
      query: formatQuery,
      handle: ({ auth, path, query }) => oneState(auth, path.roomId, path.eventType, path.stateKey, query.format),
    }),
    endpoint({
      method: 'GET',
      path: `${room}/state/{eventType}`,
      auth: 'session',
      query: formatQuery,
      handle: ({ auth, path, query }) => oneState(auth, path.roomId, path.eventType, '', query.format),
    }),
    endpoint({
      method: 'GET',
      path: `${room}/state/{eventType}/`,
      auth: 'session',
      query: formatQuery,
      handle: ({ auth, path, query }) => oneState(auth, path.roomId, path.eventType, '', query.format),
    }),
    endpoint({
      method: 'GET',
      path: `${room}/members`,
      auth: 'session',
      rateLimit: readLimit,
      query: Type.Object({
        at: Type.Optional(Type.String()),
        membership: Type.Optional(membership),
        not_membership: Type.Optional(membership),
      }),
      handle({ auth, path, query }) {
        const { rows, access } = stateRows(auth, path.roomId, query.at === undefined ? undefined : token('at', query.at))
        const rendering = renderingFor(reader, access.room, auth, clock.now(), true)
        const wanted = rows.filter(
          (row) => row.type === 'm.room.member' && membershipWanted(row, query.membership, query.not_membership),
        )
        return jsonText(`{"chunk":[${wanted.map((row) => clientEvent(reader, row, rendering)).join(',')}]}`)
      },
    }),
    endpoint({
      method: 'GET',
      path: `${room}/joined_members`,
      auth: 'session',
      rateLimit: readLimit,
      handle({ auth, path }) {
        const { rows, access } = stateRows(auth, path.roomId)
        if (access.member?.membership !== 'join') throw forbidden('You are not in this room')
        const joined: Record<string, { display_name?: unknown; avatar_url?: unknown }> = {}
        for (const row of rows) {
          if (row.type !== 'm.room.member') continue
          const content = JSON.parse(contentText(row)) as { membership?: unknown; displayname?: unknown; avatar_url?: unknown }
          if (content.membership !== 'join') continue
          joined[row.stateKey ?? ''] = {
            ...(typeof content.displayname === 'string' && { display_name: content.displayname }),
            ...(typeof content.avatar_url === 'string' && { avatar_url: content.avatar_url }),
          }
        }
        return { joined }
      },
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/joined_rooms',
      auth: 'session',
      handle: ({ auth }) => ({ joined_rooms: joinedRoomsOf(reader, auth.userId).map(({ roomId }) => roomId) }),
    }),
  ]
}

const firstMember = statement<[number], Position>(
  `SELECT timeline_order FROM events WHERE room_nid = ? AND timeline_order IS NOT NULL AND type = 'm.room.member' ORDER BY timeline_order LIMIT 1`,
  'pluck',
)

/** A client that has the whole timeline asks for the members before its beginning, and means the first ones. */
function firstMembers(reader: Reader, room: Room): Position {
  return firstMember(reader).get(room.nid) ?? 0
}

function membershipWanted(row: EventRow, wanted: string | undefined, unwanted: string | undefined): boolean {
  if (wanted === undefined && unwanted === undefined) return true
  const { membership } = JSON.parse(contentText(row)) as { membership?: unknown }
  // With both, either suffices; source: client-server API, GET members.
  if (wanted !== undefined && unwanted !== undefined) return membership === wanted || membership !== unwanted
  return wanted !== undefined ? membership === wanted : membership !== unwanted
}

function token(name: string, text: string): Position {
  const position = parseToken(text)
  if (position === undefined) throw invalidParam(`${name}: not a token of this server`)
  return position
}
