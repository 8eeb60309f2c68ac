import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { badJson, forbidden, invalidParam, notFound } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import { checkBody } from '../http/validation.ts'
import type { SyncFilter } from '../rooms/sync-stream.ts'
import { type Reader, statement } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'

const find = statement<[number, string], string>('SELECT json FROM filters WHERE id = ? AND user_id = ?', 'pluck')
const same = statement<[string, string], number>('SELECT id FROM filters WHERE user_id = ? AND json = ?', 'pluck')
const count = statement<[string], number>('SELECT count(*) FROM filters WHERE user_id = ?', 'pluck')
const insert = statement<[string, string], never>('INSERT INTO filters (user_id, json) VALUES (?, ?)')

/** Filters of one user: clients make one for each of their versions. */
const maxFilters = 1000

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
const filterSchema = Type.Object({
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
const path = '/_matrix/client/v3/user/{userId}/filter'

/** Filters that clients store to name them in `/sync`; source: client-server API, "Filtering". */
export function filterEndpoints(storage: Storage): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path,
      auth: 'session',
      body: filterSchema,
      maxBody: 64 * 1024,
      async handle({ auth, path, body }) {
        if (path.userId !== auth.userId) throw forbidden('Filters can only be stored for yourself')
        const json = JSON.stringify(body)
        const id = await storage.write((tx) => {
          const known = same(tx).get(auth.userId, json)
          if (known !== undefined) return known
          if ((count(tx).get(auth.userId) ?? 0) >= maxFilters) throw badJson(`a user can store ${maxFilters} filters`)
          return Number(insert(tx).run(auth.userId, json).lastInsertRowid)
        })
        return { filter_id: String(id) }
      },
    }),
    endpoint({
      method: 'GET',
      path: `${path}/{filterId}`,
      auth: 'session',
      handle({ auth, path }) {
        if (path.userId !== auth.userId) throw forbidden('Filters can only be read by those who stored them')
        const json = storedFilter(storage.reader, auth.userId, path.filterId)
        if (json === undefined) throw notFound('There is no such filter')
        return jsonText(json)
      },
    }),
  ]
}

function storedFilter(reader: Reader, userId: string, filterId: string): string | undefined {
  return /^\d{1,15}$/.test(filterId) ? find(reader).get(Number(filterId), userId) : undefined
}

/** The filter that a request names: the id of a stored one, or JSON. */
export function readFilter(reader: Reader, userId: string, text: string | undefined): SyncFilter {
  if (text === undefined) return {}
  if (!text.startsWith('{')) {
    const json = storedFilter(reader, userId, text)
    if (json === undefined) throw invalidParam('filter: there is no such filter')
    return JSON.parse(json) as SyncFilter
  }
  let filter: unknown
  try {
    filter = JSON.parse(text)
  } catch {
    throw invalidParam('filter: not JSON')
  }
  const problem = checkBody(filterSchema, filter)
  if (problem) throw invalidParam(`filter.${problem.message}`)
  return filter as SyncFilter
}
