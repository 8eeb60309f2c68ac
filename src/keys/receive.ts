import type { EduReceiver } from '../federation/transactions.ts'
import { parseDeviceId, parseUserId, type ServerName, serverOf, type UserId } from '../matrix/identifiers.ts'
import { isArray, type JsonObject } from '../matrix/json.ts'
import type { Log } from '../platform/log.ts'
import { readRemoteDevice, readRemoteSigningKey, sharedUsages } from './remote-keys.ts'
import type { DeviceUpdate, RemoteLists } from './remote-lists.ts'

/** Changes that one may follow on: a server with several writers has as many. */
const maxPrevious = 100

/** Changes of the keys of other servers' users, by type. Source: server-server API, "Device Management" and "End-to-End Encryption". */
export function keyReceivers(lists: RemoteLists, log: Log): readonly (readonly [type: string, receive: EduReceiver])[] {
  const ofUser = (receive: (userId: UserId, content: JsonObject) => Promise<void>): EduReceiver => {
    return (origin, content) => {
      const userId = ownUser(origin, content)
      if (userId) return receive(userId, content)
      log.debug({ origin }, 'a server spoke for a user that is not its own')
      return undefined
    }
  }
  const signingKeys = ofUser((userId, content) => lists.signingKeysChanged(userId, readSigningKeys(userId, content)))
  return [
    ['m.device_list_update', ofUser((userId, content) => lists.deviceChanged(userId, readUpdate(userId, content)))],
    ['m.signing_key_update', signingKeys],
    // What it was called before it was specified; servers send both.
    ['org.matrix.signing_key_update', signingKeys],
  ]
}

function ownUser(origin: ServerName, content: JsonObject): UserId | undefined {
  const userId = parseUserId(content.user_id)
  return userId && serverOf(userId) === origin ? userId : undefined
}

/** Undefined: something changed, but it is not said what. */
function readUpdate(userId: UserId, content: JsonObject): DeviceUpdate | undefined {
  const { stream_id: streamId, prev_id: previous = [], keys, deleted = false } = content
  const deviceId = parseDeviceId(content.device_id)
  if (!deviceId || !isNumber(streamId) || !isArray(previous) || !previous.every(isNumber)) return undefined
  if (previous.length > maxPrevious || typeof deleted !== 'boolean') return undefined
  const update = { deviceId, streamId, previous }
  if (deleted || keys === undefined || keys === null) return { ...update, device: undefined }
  const device = readRemoteDevice(userId, deviceId, keys, content.device_display_name)
  return device && { ...update, device }
}

function readSigningKeys(userId: UserId, content: JsonObject) {
  const given = sharedUsages.filter((usage) => content[`${usage}_key`] !== undefined)
  const keys = given.flatMap((usage) => readRemoteSigningKey(userId, usage, content[`${usage}_key`]) ?? [])
  return keys.length === given.length ? keys : []
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value)
}
