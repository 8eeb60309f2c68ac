import type { Reader } from '../storage/handles.ts'
import { type BackupKey, keysAfter } from './store.ts'

/** Keys read at once: an answer may hold a hundred thousand of them, and must neither block others nor fill the memory. */
const pageSize = 500

export function keysJson({ firstMessageIndex, forwardedCount, isVerified, sessionData }: BackupKey): string {
  return `{"first_message_index":${firstMessageIndex},"forwarded_count":${forwardedCount},"is_verified":${isVerified},"session_data":${sessionData}}`
}

/** The answer with all keys of a backup, page by page. What is stored meanwhile may be in it or not, but each page is whole. */
export function streamBackup(reader: Reader, userId: string, version: number): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let room = ''
  let session = ''
  return new ReadableStream(
    {
      pull(controller) {
        let text = room === '' ? '{"rooms":{' : ''
        const keys = keysAfter(reader, userId, version, room, session, pageSize)
        for (const key of keys) {
          const entry = `${JSON.stringify(key.sessionId)}:${keysJson(key)}`
          if (key.roomId === room) text += `,${entry}`
          else text += `${room === '' ? '' : '}},'}${JSON.stringify(key.roomId)}:{"sessions":{${entry}`
          room = key.roomId
          session = key.sessionId
        }
        const end = keys.length < pageSize
        if (end) text += room === '' ? '}}' : '}}}}'
        controller.enqueue(encoder.encode(text))
        if (end) controller.close()
      },
    },
    { highWaterMark: 1 },
  )
}
