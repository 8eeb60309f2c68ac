import Type from 'typebox'
import { type Endpoint, endpoint, type Session } from '../http/endpoint.ts'
import { invalidParam, notFound } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import type { Position } from '../storage/handles.ts'
import { accessTo } from './access.ts'
import { clientEvent } from './client-event.ts'
import { findEvent } from './event-store.ts'
import { newestFor, renderingFor } from './history.ts'
import type { ReadDeps } from './read-endpoints.ts'
import { relationsPage } from './relations.ts'
import { parseToken, tokenOf } from './timeline.ts'
import { roomView } from './visibility.ts'

const path = '/_matrix/client/v1/rooms/{roomId}/relations/{eventId}'
const limits = { name: 'read', by: 'user', burst: 300, perSecond: 50 } as const
const defaultPage = 20
const maxPage = 1000
/** How far indirect relations are followed; the specification asks for 3 at least. */
const maxDepth = 3

const querySchema = Type.Object({
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  dir: Type.Optional(Type.Union([Type.Literal('b'), Type.Literal('f')])),
  recurse: Type.Optional(Type.Boolean()),
})

interface Question {
  readonly from?: string
  readonly to?: string
  readonly limit?: number
  readonly dir?: 'b' | 'f'
  readonly recurse?: boolean
}

/** Events that relate to another, such as a thread or edits; source: client-server API, "Relationships API". */
export function relationEndpoints({ storage, clock }: ReadDeps): Endpoint[] {
  const { reader } = storage

  function answer(auth: Session, at: { roomId: string; eventId: string }, query: Question, relType?: string, eventType?: string) {
    const parent = findEvent(reader, at.eventId)
    const access = parent && accessTo(reader, at.roomId, auth.userId)
    if (!access || parent.roomNid !== access.room.nid) throw notFound('There is no such event')
    const { room } = access
    const view = roomView(reader, room, auth.userId)
    if (!view.maySee(parent)) throw notFound('There is no such event')
    const backward = query.dir !== 'f'
    const newest = newestFor(room, access.frozen === undefined ? undefined : access.member)
    const oldest = Number.MIN_SAFE_INTEGER
    const from = token('from', query.from)
    const to = token('to', query.to)
    const page = relationsPage(reader, view, {
      roomNid: room.nid,
      parent: parent.eventId,
      relationType: relType,
      eventType,
      depth: query.recurse ? maxDepth : 1,
      backward,
      from: backward ? Math.min(from ?? newest, newest) : (from ?? oldest),
      to: backward ? (to ?? oldest) : Math.min(to ?? newest, newest),
      limit: Math.min(query.limit ?? defaultPage, maxPage),
    })
    const rendering = renderingFor(reader, room, auth, clock.now(), true, view)
    const fields = [`"chunk":[${page.rows.map((row) => clientEvent(reader, row, rendering)).join(',')}]`]
    if (page.next !== undefined) fields.push(`"next_batch":"${tokenOf(page.next)}"`)
    if (from !== undefined) fields.push(`"prev_batch":"${tokenOf(from)}"`)
    if (query.recurse) fields.push(`"recursion_depth":${maxDepth}`)
    return jsonText(`{${fields.join(',')}}`)
  }

  const common = { method: 'GET', auth: 'session', rateLimit: limits, query: querySchema } as const
  return [
    endpoint({ ...common, path, handle: ({ auth, path, query }) => answer(auth, path, query) }),
    endpoint({
      ...common,
      path: `${path}/{relType}`,
      handle: ({ auth, path, query }) => answer(auth, path, query, path.relType),
    }),
    endpoint({
      ...common,
      path: `${path}/{relType}/{eventType}`,
      handle: ({ auth, path, query }) => answer(auth, path, query, path.relType, path.eventType),
    }),
  ]
}

function token(name: string, text: string | undefined): Position | undefined {
  if (text === undefined) return undefined
  const position = parseToken(text)
  if (position === undefined) throw invalidParam(`${name}: not a token of this server`)
  return position
}
