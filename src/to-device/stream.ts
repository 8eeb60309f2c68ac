import type { SyncStream } from '../rooms/sync-stream.ts'
import { waitingMessages } from './store.ts'

/** `to_device`: messages for the viewer's device; source: client-server API, "Send-to-Device messaging". */
export function toDeviceStream(): SyncStream {
  return {
    collect({ reader, userId, deviceId, from, to }, draft) {
      const messages = waitingMessages(reader, userId, deviceId, from, to)
      if (messages.length === 0) return
      const events = messages.map(
        ({ sender, type, content }) => `{"sender":${JSON.stringify(sender)},"type":${JSON.stringify(type)},"content":${content}}`,
      )
      draft.set('to_device', `{"events":[${events.join(',')}]}`, true)
    },
  }
}
