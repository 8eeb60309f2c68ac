import Type from 'typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { notFound } from '../http/errors.ts'
import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { requireAccess } from './access.ts'
import { type EventRow, EventStatus, eventColumns, orderOf } from './event-store.ts'
import type { Room } from './members.ts'
import { roomView } from './visibility.ts'

/** Forward or backward in time. */
export type Direction = 'f' | 'b'

type Place = [nid: number, time: number, order: number, limit: number]
const inTimeline = `e.room_nid = ? AND e.timeline_order IS NOT NULL AND e.status = ${EventStatus.accepted}`
const forward = statement<Place, EventRow>(
  `SELECT ${eventColumns} FROM events e WHERE ${inTimeline} AND (e.origin_server_ts, e.timeline_order) > (?, ?)
   ORDER BY e.origin_server_ts, e.timeline_order LIMIT ?`,
)
const backward = statement<Place, EventRow>(
  `SELECT ${eventColumns} FROM events e WHERE ${inTimeline} AND (e.origin_server_ts, e.timeline_order) < (?, ?)
   ORDER BY e.origin_server_ts DESC, e.timeline_order DESC LIMIT ?`,
)

/** Events of a room's timeline from a time on, the closest first; of those with the same time the one that comes first in the direction. */
export function closestEvents(
  reader: Reader,
  nid: number,
  time: Milliseconds,
  direction: Direction,
  limit: number,
  beyond?: EventRow,
): readonly EventRow[] {
  const isForward = direction === 'f'
  const from = beyond?.originServerTs ?? time
  const order = beyond ? orderOf(beyond) : isForward ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER
  return (isForward ? forward : backward)(reader).all(nid, from, order, limit)
}

const batch = 50
/** Events that a user may not see, looked at for one request. */
const maxLooked = 1000

function closestVisible(
  reader: Reader,
  room: Room,
  userId: string,
  time: Milliseconds,
  direction: Direction,
): EventRow | undefined {
  const view = roomView(reader, room, userId)
  let last: EventRow | undefined
  for (let looked = 0; looked < maxLooked; looked += batch) {
    const rows = closestEvents(reader, room.nid, time, direction, batch, last)
    const found = rows.find((row) => view.maySee(row))
    if (found || rows.length < batch) return found
    last = rows.at(-1)
  }
  return undefined
}

export interface TimeTravelDeps {
  readonly storage: Storage
  /** Fetches what other servers have around a time, if something is missing there. */
  readonly fillAround?: ((room: Room, time: Milliseconds, direction: Direction) => Promise<void>) | undefined
}

/** Source: client-server API, GET /timestamp_to_event. */
export function timeTravelEndpoints({ storage, fillAround }: TimeTravelDeps): Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v1/rooms/{roomId}/timestamp_to_event',
      auth: 'session',
      query: Type.Object({ ts: Type.Integer(), dir: Type.Union([Type.Literal('f'), Type.Literal('b')]) }),
      rateLimit: { name: 'read', by: 'user', burst: 300, perSecond: 50 },
      async handle({ auth, path, query: { ts, dir } }) {
        const { room } = requireAccess(storage.reader, path.roomId, auth.userId)
        await fillAround?.(room, ts, dir)
        const found = closestVisible(storage.reader, room, auth.userId, ts, dir)
        if (!found) throw notFound(`There is no event ${dir === 'b' ? 'before' : 'after'} ${ts}`)
        return { event_id: found.eventId, origin_server_ts: found.originServerTs }
      },
    }),
  ]
}
