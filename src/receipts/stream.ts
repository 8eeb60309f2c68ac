import { passes, type SyncQuery, type SyncStream } from '../rooms/sync-stream.ts'
import { newReceipts, newReceiptsOf, type Receipt, receiptsOf } from './store.ts'

/** Receipts of the viewer's rooms, one `m.receipt` for each room; source: client-server API, "Receipts". */
export const receiptsStream: SyncStream = {
  collect(query, draft) {
    if (!passes(query.filter.room?.ephemeral, 'm.receipt', undefined)) return
    for (const [roomNid, receipts] of receiptsByRoom(query)) {
      if (receipts.length > 0 && wanted(query, roomNid)) draft.room(roomNid).addEphemeral(receiptEvent(receipts))
    }
  },
}

function wanted({ filter, joined }: SyncQuery, roomNid: number): boolean {
  const roomId = joined.get(roomNid)
  const section = filter.room?.ephemeral
  return roomId !== undefined && !section?.not_rooms?.includes(roomId) && (section?.rooms?.includes(roomId) ?? true)
}

function receiptsByRoom({ reader, userId, from, to, joined, newlyJoined }: SyncQuery): Map<number, readonly Receipt[]> {
  const byRoom = new Map<number, readonly Receipt[]>()
  const whole: Iterable<number> = from === 0 ? joined.keys() : newlyJoined
  for (const nid of whole) byRoom.set(nid, receiptsOf(reader, nid, userId))
  if (from === 0) return byRoom
  // Whichever looks at less: what happened anywhere since, or each room.
  if (to - from > 100 + 2 * joined.size) {
    for (const nid of joined.keys()) if (!byRoom.has(nid)) byRoom.set(nid, newReceiptsOf(reader, nid, userId, from, to))
    return byRoom
  }
  const recent = newReceipts(reader, userId, from, to).filter(({ roomNid }) => joined.has(roomNid) && !newlyJoined.has(roomNid))
  for (const [nid, receipts] of Map.groupBy(recent, ({ roomNid }) => roomNid)) byRoom.set(nid, receipts)
  return byRoom
}

/** The event's JSON: content by event id, type and user. */
function receiptEvent(receipts: readonly Receipt[]): string {
  const content = new Map<string, Map<string, Map<string, { ts: number; thread_id?: string }>>>()
  for (const { eventId, type, userId, threadId, sentAt } of receipts) {
    const types = entry(content, eventId, () => new Map<string, Map<string, { ts: number; thread_id?: string }>>())
    const users = entry(types, type, () => new Map<string, { ts: number; thread_id?: string }>())
    // The event has room for one receipt of a user and type: the unthreaded one says more (it covers all threads).
    if (threadId === '') users.set(userId, { ts: sentAt })
    else if (!users.has(userId)) users.set(userId, { ts: sentAt, thread_id: threadId })
  }
  return JSON.stringify({ type: 'm.receipt', content: plain(content) })
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

/** Maps within maps as objects; `fromEntries` takes names such as `__proto__` as they are. */
function plain(map: ReadonlyMap<string, unknown>): Record<string, unknown> {
  return Object.fromEntries([...map].map(([key, value]) => [key, value instanceof Map ? plain(value) : value]))
}
