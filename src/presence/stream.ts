import { shareRoom } from '../rooms/members.ts'
import { sharingChanges } from '../rooms/sharing.ts'
import { passes, type SyncQuery, type SyncStream } from '../rooms/sync-stream.ts'
import type { Presence } from './presence.ts'

/** Presence of those who share a room with the viewer, where it changed; source: client-server API, "Presence". */
export function presenceStream(presence: Presence): SyncStream {
  return {
    collect(query, draft) {
      const users = changedFor(presence, query).filter((userId) => passes(query.filter.presence, 'm.presence', userId))
      if (users.length === 0) return
      const events = users.map((userId) => ({ type: 'm.presence', sender: userId, content: presenceContent(presence, userId) }))
      // A client is not answered at once only to be told of its own user.
      const news = users.some((userId) => userId !== query.userId)
      draft.set('presence', JSON.stringify({ events }), news)
    },
  }
}

function changedFor(presence: Presence, { reader, userId: viewer, from, to }: SyncQuery): readonly string[] {
  const visible = (userId: string) => userId === viewer || shareRoom(reader, viewer, userId)
  if (from === 0) return [...presence.present()].filter(visible)
  const changed = new Set(presence.changedSince(from).filter(visible))
  // Whoever comes into a room of the viewer, or is in one that the viewer comes into, may have been there for long.
  for (const userId of sharingChanges(reader, viewer, from, to).joined) if (presence.isPresent(userId)) changed.add(userId)
  return [...changed]
}

/** The content of a user's `m.presence`, which is also what is answered to who asks for it. */
export function presenceContent(presence: Presence, userId: string): Readonly<Record<string, unknown>> {
  const { presence: state, lastActiveAgo, statusMessage } = presence.view(userId)
  return {
    presence: state,
    ...(lastActiveAgo !== undefined && { last_active_ago: lastActiveAgo }),
    ...(statusMessage !== undefined && { status_msg: statusMessage }),
    ...(state === 'online' && { currently_active: true }),
  }
}
