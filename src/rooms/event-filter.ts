import { contentText, type EventRow } from './event-store.ts'
import { passes, type RoomEventFilter } from './sync-stream.ts'

/** Whether an event of a room passes a filter; which rooms it is about was decided before. */
export function eventPasses(filter: RoomEventFilter | undefined, row: EventRow): boolean {
  if (!filter) return true
  if (!passes(filter, row.type, row.sender)) return false
  return filter.contains_url === undefined || hasUrl(row) === filter.contains_url
}

function hasUrl(row: EventRow): boolean {
  const text = contentText(row)
  return text.includes('"url"') && typeof (JSON.parse(text) as { url?: unknown }).url === 'string'
}

/** Whether a filter lets a room through. */
export function roomPasses(
  filter: { readonly rooms?: readonly string[]; readonly not_rooms?: readonly string[] } | undefined,
  roomId: string,
): boolean {
  if (filter?.not_rooms?.includes(roomId)) return false
  return !filter?.rooms || filter.rooms.includes(roomId)
}
