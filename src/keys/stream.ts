import { serversIn } from '../rooms/servers.ts'
import type { SyncStream } from '../rooms/sync-stream.ts'
import { deviceListChanges, type SharingChanges } from './device-lists.ts'
import { unusedFallbackKeyTypes } from './fallback-keys.ts'
import { oneTimeKeyCounts } from './one-time-keys.ts'

/** `device_lists` and the device's own stock of keys; source: client-server API, "Extensions to /sync" of end-to-end encryption. */
export function keysStream(sharingChanges: SharingChanges): SyncStream {
  return {
    collect({ reader, userId, deviceId, from, to, newlyJoined }, draft) {
      draft.set('device_one_time_keys_count', JSON.stringify(oneTimeKeyCounts(reader, userId, deviceId)), false)
      draft.set('device_unused_fallback_key_types', JSON.stringify(unusedFallbackKeyTypes(reader, userId, deviceId)), false)
      // A first sync has nothing to compare with: the client asks for all keys anyway.
      if (from === 0) return
      const { changed, left } = deviceListChanges(reader, userId, from, to, sharingChanges)
      const users = new Set(changed)
      // Servers that learn of the user only now may tell what the user's other devices do not know yet.
      if ([...newlyJoined].some((nid) => serversIn(reader, nid).length > 1)) users.add(userId)
      if (users.size > 0 || left.length > 0) draft.set('device_lists', JSON.stringify({ changed: [...users], left }), true)
    },
  }
}
