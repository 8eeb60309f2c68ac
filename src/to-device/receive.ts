import { deviceOf, devicesOf } from '../accounts/store.ts'
import type { EduReceiver } from '../federation/transactions.ts'
import { canonicalJson } from '../matrix/canonical-json.ts'
import { maxIdentifierBytes, parseUserId, type ServerName, serverOf, type UserId } from '../matrix/identifiers.ts'
import { isObject, type JsonObject, type JsonValue } from '../matrix/json.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { isCrowded, maxContentBytes, maxRecipients } from './limits.ts'
import { beginReceiving } from './received.ts'
import { deliver } from './store.ts'

export interface ReceiveDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Log
  readonly serverName: string
}

interface Message {
  readonly sender: UserId
  readonly type: string
  readonly messageId: string
  readonly recipients: readonly Recipient[]
}

interface Recipient {
  readonly userId: UserId
  /** `*`: every device of the user. */
  readonly deviceId: string
  /** JSON object. */
  readonly content: string
}

/** Takes `m.direct_to_device`, each once. Source: server-server API, "Send-to-device messaging". */
export function receiveToDevice({ storage, clock, log, serverName }: ReceiveDeps): EduReceiver {
  return (origin, content) => {
    const message = readMessage(origin, content, serverName)
    if ('problem' in message) {
      log.debug({ origin, problem: message.problem }, 'a message to devices was dropped')
      return undefined
    }
    return storage.write((tx) => {
      if (!beginReceiving(tx, origin, message.messageId, clock.now())) return
      for (const recipient of message.recipients)
        if (!deliverTo(tx, recipient, message)) log.warn({ origin }, 'a device has too many messages')
    })
  }
}

function readMessage(origin: ServerName, edu: JsonObject, serverName: string): Message | { readonly problem: string } {
  const sender = parseUserId(edu.sender)
  if (!sender || serverOf(sender) !== origin) return { problem: 'the sender is not of this server' }
  const { type, message_id: messageId, messages } = edu
  if (!isName(type) || !isName(messageId) || !isObject(messages)) return { problem: 'not of the right shape' }
  const recipients: Recipient[] = []
  let count = 0
  for (const [user, devices] of Object.entries(messages)) {
    const userId = parseUserId(user)
    if (!isObject(devices)) continue
    for (const [deviceId, value] of Object.entries(devices)) {
      count += 1
      if (count > maxRecipients) return { problem: `more than ${maxRecipients} recipients` }
      const content = userId && serverOf(userId) === serverName ? readContent(value) : undefined
      if (userId && content !== undefined) recipients.push({ userId, deviceId, content })
    }
  }
  return { sender, type, messageId, recipients }
}

/** Numbers as they were written; undefined: no content. */
function readContent(value: JsonValue | undefined): string | undefined {
  if (!isObject(value)) return undefined
  const content = canonicalJson(value, 'lenient')
  return Buffer.byteLength(content) <= maxContentBytes ? content : undefined
}

/** Devices that do not exist get nothing. False: a device has too much waiting already. */
function deliverTo(tx: Writer, { userId, deviceId, content }: Recipient, { sender, type }: Message): boolean {
  const wanted = deviceId === '*' ? devicesOf(tx, userId) : [deviceOf(tx, userId, deviceId)]
  const free = wanted.filter((device) => device !== undefined && !isCrowded(tx, userId, device.deviceId))
  for (const device of free) if (device) deliver(tx, userId, device.deviceId, { sender, type, content })
  return free.length === wanted.filter((device) => device !== undefined).length
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed() && Buffer.byteLength(value) <= maxIdentifierBytes
}
