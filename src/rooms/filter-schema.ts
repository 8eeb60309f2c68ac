import Type from 'typebox'
import { invalidParam } from '../http/errors.ts'
import { checkBody } from '../http/validation.ts'
import type { RoomEventFilter } from './sync-stream.ts'

const names = Type.Optional(Type.Array(Type.String({ maxLength: 1024 }), { maxItems: 1000 }))
const limit = Type.Optional(Type.Integer({ minimum: 0 }))
const flag = Type.Optional(Type.Boolean())
const userIds = Type.Optional(Type.Array(Type.String({ maxLength: 255, pattern: '^@[^:]*:.' }), { maxItems: 1000 }))
const roomIds = Type.Optional(Type.Array(Type.String({ maxLength: 255, pattern: '^!.' }), { maxItems: 1000 }))
const eventFilter = { limit, types: names, not_types: names, senders: userIds, not_senders: userIds }
const roomEventFilter = Type.Object({
  ...eventFilter,
  rooms: roomIds,
  not_rooms: roomIds,
  contains_url: flag,
  lazy_load_members: flag,
  include_redundant_members: flag,
  unread_thread_notifications: flag,
})

/** A filter for `/sync`; source: client-server API, "Filtering". */
export const syncFilterSchema = Type.Object({
  account_data: Type.Optional(Type.Object(eventFilter)),
  presence: Type.Optional(Type.Object(eventFilter)),
  event_fields: names,
  event_format: Type.Optional(Type.Union([Type.Literal('client'), Type.Literal('federation')])),
  room: Type.Optional(
    Type.Object({
      rooms: roomIds,
      not_rooms: roomIds,
      include_leave: flag,
      account_data: Type.Optional(roomEventFilter),
      ephemeral: Type.Optional(roomEventFilter),
      state: Type.Optional(roomEventFilter),
      timeline: Type.Optional(roomEventFilter),
    }),
  ),
})

/** A filter that stands in a query as JSON; ends the request when it is none. */
export function filterInQuery(text: string, schema: typeof syncFilterSchema | typeof roomEventFilter): unknown {
  let filter: unknown
  try {
    filter = JSON.parse(text)
  } catch {
    throw invalidParam('filter: not JSON')
  }
  const problem = checkBody(schema, filter)
  if (problem) throw invalidParam(`filter.${problem.message}`)
  return filter
}

export function roomEventFilterInQuery(text: string | undefined): RoomEventFilter | undefined {
  return text === undefined ? undefined : (filterInQuery(text, roomEventFilter) as RoomEventFilter)
}
