import { deviceOf } from '../accounts/store.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { invalidParam, unknownToken } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import type { Position } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { claimKeys } from './claim.ts'
import { type Confirm, crossSigningEndpoints } from './cross-signing-endpoints.ts'
import { deviceListChanges, type SharingChanges } from './device-lists.ts'
import { oneTimeKeyCounts } from './one-time-keys.ts'
import { queryKeys } from './query.ts'
import { failuresJson, sortByServer } from './recipients.ts'
import { changesQuery, claimBody, queryBody, uploadBody } from './schemas.ts'
import { readUpload, storeUpload } from './upload.ts'

export interface KeysDeps {
  readonly storage: Storage
  readonly serverName: string
  /** The position in a sync token; undefined: not a token. */
  readonly parseToken: (token: string) => Position | undefined
  readonly sharingChanges: SharingChanges
  readonly confirm: Confirm
}

const maxBody = 1024 * 1024
/** Clients ask for 250 users at once, and claim for as many. */
const maxUsers = 2_000
const maxDevices = 5_000

/** Keys of devices and users; source: client-server API, "End-to-End Encryption". */
export function keysEndpoints({ storage, serverName, parseToken, sharingChanges, confirm }: KeysDeps): Endpoint[] {
  const { reader } = storage

  function position(name: string, token: string): Position {
    const parsed = parseToken(token)
    if (parsed === undefined) throw invalidParam(`${name}: not a token of this server`)
    return parsed
  }

  return [
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/keys/upload',
      auth: 'session',
      body: uploadBody,
      maxBody,
      async handle({ auth, body }) {
        const upload = readUpload(auth, body)
        const counts = await storage.write((tx) => {
          // The device may have been deleted while this request was on its way.
          if (!deviceOf(tx, auth.userId, auth.deviceId)) throw unknownToken(false)
          storeUpload(tx, auth, upload)
          return oneTimeKeyCounts(tx, auth.userId, auth.deviceId)
        })
        return { one_time_key_counts: counts }
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/keys/query',
      auth: 'session',
      body: queryBody,
      maxBody,
      handle({ auth, body }) {
        checkCount(body.device_keys, (devices) => devices.length)
        const { local, servers } = sortByServer(body.device_keys, serverName)
        return jsonText(`{${queryKeys(reader, auth.userId, local)},"failures":${failuresJson(servers)}}`)
      },
    }),
    endpoint({
      method: 'POST',
      path: '/_matrix/client/v3/keys/claim',
      auth: 'session',
      body: claimBody,
      maxBody,
      async handle({ body }) {
        checkCount(body.one_time_keys, (devices) => Object.keys(devices).length)
        const { local, servers } = sortByServer(body.one_time_keys, serverName)
        const claimed = await storage.write((tx) => claimKeys(tx, local))
        return jsonText(`{"one_time_keys":${claimed},"failures":${failuresJson(servers)}}`)
      },
    }),
    endpoint({
      method: 'GET',
      path: '/_matrix/client/v3/keys/changes',
      auth: 'session',
      query: changesQuery,
      handle({ auth, query }) {
        const from = position('from', query.from)
        const to = position('to', query.to)
        const { changed, left } = deviceListChanges(reader, auth.userId, from, to, sharingChanges)
        return { changed: [...changed], left }
      },
    }),
    ...crossSigningEndpoints(storage, confirm),
  ]
}

function checkCount<Wish>(wishes: Readonly<Record<string, Wish>>, devicesIn: (wish: Wish) => number): void {
  const users = Object.values(wishes)
  if (users.length > maxUsers) throw invalidParam(`body: more than ${maxUsers} users`)
  if (users.reduce((sum, wish) => sum + devicesIn(wish), 0) > maxDevices)
    throw invalidParam(`body: more than ${maxDevices} devices`)
}
