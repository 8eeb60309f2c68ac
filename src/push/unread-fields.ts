import type { RoomFields } from '../rooms/sync-stream.ts'
import type { UnreadCounter } from './counter.ts'
import type { Counts } from './tally.ts'

/**
 * `unread_notifications` of each joined room, and `unread_thread_notifications` where the client's filter asks for it;
 * source: client-server API, "Receiving notifications".
 */
export function unreadFields(counter: UnreadCounter): RoomFields {
  return {
    fieldsOf({ reader, userId, to, joined, filter }, nid) {
      const byThread = counter.countsOf(reader, userId, nid, joined.get(nid) ?? '', to)
      if (!filter.room?.timeline?.unread_thread_notifications) return { unread_notifications: countsJson(total(byThread)) }
      const threads = [...byThread]
        .filter(([thread]) => thread !== 'main')
        .map(([thread, counts]) => `${JSON.stringify(thread)}:${countsJson(counts)}`)
      return {
        unread_notifications: countsJson(byThread.get('main') ?? nothing),
        ...(threads.length > 0 && { unread_thread_notifications: `{${threads.join(',')}}` }),
      }
    },
  }
}

const nothing: Counts = { notify: 0, highlight: 0 }

function total(byThread: ReadonlyMap<string, Counts>): Counts {
  let { notify, highlight } = nothing
  for (const counts of byThread.values()) {
    notify += counts.notify
    highlight += counts.highlight
  }
  return { notify, highlight }
}

function countsJson({ notify, highlight }: Counts): string {
  return `{"highlight_count":${highlight},"notification_count":${notify}}`
}
