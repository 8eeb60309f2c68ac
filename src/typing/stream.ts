import { isJoined } from '../rooms/members.ts'
import { passes, type SyncQuery, type SyncStream } from '../rooms/sync-stream.ts'
import type { Typing } from './typing.ts'

/** Who types in the viewer's rooms, where that changed; source: client-server API, "Typing Notifications". */
export function typingStream(typing: Typing): SyncStream {
  return {
    collect(query, draft) {
      if (!passes(query.filter.room?.ephemeral, 'm.typing', undefined)) return
      for (const nid of typing.roomsSince(query.from)) if (!query.newlyJoined.has(nid)) add(nid, query.from)
      for (const nid of query.newlyJoined) add(nid, 0)

      function add(nid: number, from: number): void {
        const roomId = query.joined.get(nid)
        if (roomId === undefined || !wanted(query, roomId)) return
        // Whoever has left types no longer, whatever their client said last.
        const users = typing.changedSince(nid, from)?.filter((userId) => isJoined(query.reader, nid, userId))
        // Whoever sees the room for the first time is told only of those who type.
        if (!users || (users.length === 0 && from === 0)) return
        draft.room(nid).addEphemeral(JSON.stringify({ type: 'm.typing', content: { user_ids: users } }))
      }
    },
  }
}

function wanted({ filter }: SyncQuery, roomId: string): boolean {
  const section = filter.room?.ephemeral
  return !section?.not_rooms?.includes(roomId) && (section?.rooms?.includes(roomId) ?? true)
}
