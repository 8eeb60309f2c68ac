import type { Edu } from '../federation/outbox.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import { type Random, randomLetters } from '../platform/random.ts'
import type { Writer } from '../storage/handles.ts'

/** One sender's message to users of another server; the contents by user and device. */
export interface RemoteMessage {
  readonly sender: string
  readonly type: string
  readonly messages: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** Queues a message for another server within the write that accepts it. */
export type SendRemote = (tx: Writer, server: ServerName, message: RemoteMessage) => void

/**
 * Bytes of contents in one EDU, but for a single content that is larger: servers refuse EDUs that are larger than an event may be, and a
 * hundred of these still make a transaction that they take.
 */
const softMaxBytes = 40_000
/** At most 32 characters, and never the same again. */
const messageIdLength = 24

/** Source: server-server API, "Send-to-device messaging". */
export function createSendRemote({
  enqueueEdu,
  random,
}: {
  readonly enqueueEdu: (tx: Writer, destinations: readonly ServerName[], edu: Edu) => void
  readonly random: Random
}): SendRemote {
  return (tx, server, { sender, type, messages }) => {
    for (const part of partsOf(messages)) {
      const content = { sender, type, message_id: randomLetters(random, messageIdLength), messages: part }
      enqueueEdu(tx, [server], { type: 'm.direct_to_device', content })
    }
  }
}

function partsOf(messages: RemoteMessage['messages']): readonly JsonObject[] {
  const parts: Record<string, Record<string, JsonObject>>[] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const [userId, devices] of Object.entries(messages)) {
    for (const [deviceId, content] of Object.entries(devices)) {
      const size = Buffer.byteLength(JSON.stringify(content)) + userId.length + deviceId.length
      if (bytes + size > softMaxBytes) {
        parts.push({})
        bytes = 0
      }
      bytes += size
      const part = parts.at(-1) ?? {}
      part[userId] = withEntry(part[userId] ?? {}, deviceId, content as JsonObject)
    }
  }
  return parts
}

/** Device ids are any text, also what means something to JavaScript. */
function withEntry(devices: Record<string, JsonObject>, deviceId: string, content: JsonObject): Record<string, JsonObject> {
  Object.defineProperty(devices, deviceId, { value: content, enumerable: true, configurable: true, writable: true })
  return devices
}
