import Type, { type Static } from 'typebox'
import { deviceOf, devicesOf } from '../accounts/store.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { badJson, invalidParam, tooLarge } from '../http/errors.ts'
import { anyObject, mapOf } from '../http/schemas.ts'
import { checkCanonical } from '../matrix/canonical-json.ts'
import { maxIdentifierBytes, parseUserId, type ServerName, serverOf } from '../matrix/identifiers.ts'
import type { JsonValue } from '../matrix/json.ts'
import type { Clock } from '../platform/clock.ts'
import type { Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { maxContentBytes, maxRecipients } from './limits.ts'
import type { SendRemote } from './remote-send.ts'
import { deliver } from './store.ts'
import { beginTransaction } from './transactions.ts'

export interface ToDeviceDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly serverName: string
  /** Queues a message for another server within the same write; without it, recipients on other servers are unknown devices. */
  readonly sendRemote?: SendRemote | undefined
}

/** Room keys go out for a few hundred devices at once, one or two kilobytes each. */
const maxBody = 4 * 1024 * 1024

const requestBody = Type.Object({
  messages: mapOf(mapOf(anyObject)),
})
type Messages = Static<typeof requestBody>['messages']

/** Messages to devices; source: client-server API, "Send-to-Device messaging". */
export function toDeviceEndpoints({ storage, clock, serverName, sendRemote }: ToDeviceDeps): Endpoint[] {
  return [
    endpoint({
      method: 'PUT',
      path: '/_matrix/client/v3/sendToDevice/{eventType}/{txnId}',
      auth: 'session',
      body: requestBody,
      maxBody,
      async handle({ auth, path, body }) {
        const { eventType: type, txnId } = path
        checkName('eventType', type)
        checkName('txnId', txnId)
        const { local, remote } = sortRecipients(body.messages, serverName)
        await storage.write((tx) => {
          if (!beginTransaction(tx, auth, type, txnId, clock.now())) return
          for (const recipient of local) deliverTo(tx, recipient, auth.userId, type)
          for (const [server, messages] of remote) sendRemote?.(tx, server, { sender: auth.userId, type, messages })
        })
        return {}
      },
    }),
  ]
}

interface Recipient {
  readonly userId: string
  /** `*`: every device of the user. */
  readonly deviceId: string
  /** JSON object. */
  readonly content: string
}

/** Separates our users from others', by server, and checks what can be sent; users whose id is none are unknown users. */
function sortRecipients(messages: Messages, serverName: string) {
  const local: Recipient[] = []
  const remote = new Map<ServerName, Record<string, Record<string, unknown>>>()
  let count = 0
  for (const [userId, devices] of Object.entries(messages)) {
    const id = parseUserId(userId)
    for (const [deviceId, value] of Object.entries(devices)) {
      count += 1
      const content = JSON.stringify(value)
      if (Buffer.byteLength(content) > maxContentBytes)
        throw tooLarge(`messages.${userId}.${deviceId}: more than ${maxContentBytes} bytes`)
      if (id && serverOf(id) === serverName) local.push({ userId, deviceId, content })
      else if (id) checkSignable(`messages.${userId}.${deviceId}`, value)
    }
    if (!id || serverOf(id) === serverName) continue
    const others = remote.get(serverOf(id)) ?? {}
    others[userId] = devices
    remote.set(serverOf(id), others)
  }
  if (count > maxRecipients) throw invalidParam(`messages: more than ${maxRecipients} recipients`)
  return { local, remote }
}

/** Devices that do not exist get nothing, and the sender is not told: client-server API knows no error for it. */
function deliverTo(tx: Writer, { userId, deviceId, content }: Recipient, sender: string, type: string): void {
  const message = { sender, type, content }
  if (deviceId === '*') for (const device of devicesOf(tx, userId)) deliver(tx, userId, device.deviceId, message)
  else if (deviceOf(tx, userId, deviceId)) deliver(tx, userId, deviceId, message)
}

/** Other servers get it in a signed request, which has no fractions and no halves of characters. */
function checkSignable(field: string, content: unknown): void {
  const problem = checkCanonical(content as JsonValue)
  if (problem) throw badJson(`${field}: ${problem}`)
}

function checkName(field: string, value: string): void {
  if (Buffer.byteLength(value) > maxIdentifierBytes) throw invalidParam(`${field}: longer than ${maxIdentifierBytes} bytes`)
}
