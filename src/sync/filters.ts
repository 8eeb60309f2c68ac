import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { badJson, forbidden, invalidParam, notFound } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import { filterInQuery, syncFilterSchema } from '../rooms/filter-schema.ts'
import type { SyncFilter } from '../rooms/sync-stream.ts'
import { type Reader, statement } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'

const find = statement<[number, string], string>('SELECT json FROM filters WHERE id = ? AND user_id = ?', 'pluck')
const same = statement<[string, string], number>('SELECT id FROM filters WHERE user_id = ? AND json = ?', 'pluck')
const count = statement<[string], number>('SELECT count(*) FROM filters WHERE user_id = ?', 'pluck')
const insert = statement<[string, string], never>('INSERT INTO filters (user_id, json) VALUES (?, ?)')

/** Filters of one user: clients make one for each of their versions. */
const maxFilters = 1000

const path = '/_matrix/client/v3/user/{userId}/filter'

/** Filters that clients store to name them in `/sync`; source: client-server API, "Filtering". */
export function filterEndpoints(storage: Storage): Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path,
      auth: 'session',
      body: syncFilterSchema,
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
  return filterInQuery(text, syncFilterSchema) as SyncFilter
}
