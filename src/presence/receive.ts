import type { EduReceiver } from '../federation/transactions.ts'
import { parseUserId, type ServerName, serverOf } from '../matrix/identifiers.ts'
import { isArray, isObject, type JsonValue } from '../matrix/json.ts'
import { isNeighbour } from '../rooms/servers.ts'
import type { Storage } from '../storage/storage.ts'
import { maxStatusLength } from './endpoints.ts'
import type { HeardPresence, Presence } from './presence.ts'

export interface ReceivePresenceDeps {
  readonly storage: Storage
  readonly presence: Presence
  readonly serverName: ServerName
}

/** Users in one EDU: a server tells of those who changed since the last one. */
const maxUpdates = 500

/** Takes `m.presence` about users who share a room with this server. Source: server-server API, "Presence". */
export function receivePresence({ storage, presence, serverName }: ReceivePresenceDeps): EduReceiver {
  return (origin, content) => {
    if (!isArray(content.push)) return
    for (const entry of content.push.slice(0, maxUpdates)) {
      const update = readUpdate(origin, entry)
      if (update && isNeighbour(storage.reader, serverName, update.userId)) presence.heard(update.userId, update)
    }
  }
}

function readUpdate(origin: ServerName, entry: JsonValue): (HeardPresence & { readonly userId: string }) | undefined {
  const userId = isObject(entry) ? parseUserId(entry.user_id) : undefined
  if (!userId || serverOf(userId) !== origin || !isObject(entry)) return undefined
  const { presence: state, status_msg: status, last_active_ago: ago = 0 } = entry
  if (state !== 'online' && state !== 'unavailable' && state !== 'offline') return undefined
  const statusMessage = typeof status === 'string' && status.length <= maxStatusLength ? status : undefined
  return { userId, state, statusMessage, lastActiveAgo: Number.isSafeInteger(ago) ? Math.max(0, Number(ago)) : 0 }
}
