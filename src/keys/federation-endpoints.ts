import { isDeactivated, userExists } from '../accounts/store.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { invalidParam, notFound } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import { parseUserId, type ServerName, serverOf } from '../matrix/identifiers.ts'
import type { Storage } from '../storage/storage.ts'
import { checkCount } from './check-count.ts'
import { claimKeys } from './claim.ts'
import { streamIdOf } from './device-lists.ts'
import { keysFields, localKeys, type PublishedKeys } from './published-keys.ts'
import { type Recipients, sortByServer, type Wishes } from './recipients.ts'
import { claimBody, queryBody } from './schemas.ts'

const maxBody = 1024 * 1024
const rateLimit = { name: 'federation-keys', by: 'server', burst: 500, perSecond: 50 } as const

/** Keys of this server's users, for other servers. Source: server-server API, "Device Management" and "End-to-End Encryption". */
export function keysFederationEndpoints(storage: Storage, serverName: ServerName): Endpoint[] {
  const { reader } = storage
  return [
    endpoint({
      method: 'GET',
      path: '/_matrix/federation/v1/user/devices/{userId}',
      auth: 'server',
      rateLimit,
      handle({ path }) {
        const userId = parseUserId(path.userId)
        if (userId === undefined || serverOf(userId) !== serverName) throw invalidParam('userId: must be a user of this server')
        const keys = localKeys(reader, userId, [])
        if (!keys || !userExists(reader, userId) || isDeactivated(reader, userId)) throw notFound('There is no such user')
        return jsonText(`{"user_id":${JSON.stringify(userId)},"stream_id":${streamIdOf(reader, userId)},${listJson(keys)}}`)
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/federation/v1/user/keys/query',
      auth: 'server',
      body: queryBody,
      maxBody,
      rateLimit,
      handle({ body }) {
        checkCount(body.device_keys, (devices) => devices.length)
        const wishes = localOnly('device_keys', sortByServer(body.device_keys, serverName))
        const found = wishes.flatMap(([userId, deviceIds]) => {
          const keys = localKeys(reader, userId, deviceIds)
          return keys ? [[userId, keys] as const] : []
        })
        const { user_signing_keys: _, ...shared } = keysFields(reader, undefined, found)
        return jsonText(`{${Object.entries(shared).map(([field, json]) => `"${field}":${json}`)}}`)
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/federation/v1/user/keys/claim',
      auth: 'server',
      body: claimBody,
      maxBody,
      rateLimit,
      async handle({ body }) {
        checkCount(body.one_time_keys, (devices) => Object.keys(devices).length)
        const wishes = localOnly('one_time_keys', sortByServer(body.one_time_keys, serverName))
        const claimed = await storage.write((tx) => claimKeys(tx, wishes))
        return jsonText(`{"one_time_keys":{${claimed}}}`)
      },
    }),
  ]
}

function localOnly<Wish>(field: string, { local, remote }: Recipients<Wish>): Wishes<Wish> {
  if (remote.size > 0) throw invalidParam(`${field}: all must be users of this server`)
  return local
}

function listJson({ devices, signingKeys }: PublishedKeys): string {
  const list = devices.map(({ deviceId, json, displayName }) => {
    const name = displayName === null ? '' : `,"device_display_name":${JSON.stringify(displayName)}`
    return `{"device_id":${JSON.stringify(deviceId)},"keys":${json}${name}}`
  })
  const keys = (['master', 'self_signing'] as const).flatMap((usage) => {
    const key = signingKeys.get(usage)
    return key ? [`,"${usage}_key":${key.json}`] : []
  })
  return `"devices":[${list.join(',')}]${keys.join('')}`
}
