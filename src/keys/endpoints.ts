import { deviceOf } from '../accounts/store.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { invalidParam, unknownToken } from '../http/errors.ts'
import { jsonText } from '../http/reply.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Position } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { checkCount } from './check-count.ts'
import { claimKeys } from './claim.ts'
import { type Confirm, crossSigningEndpoints } from './cross-signing-endpoints.ts'
import { deviceListChanges, type SharingChanges } from './device-lists.ts'
import type { KeyChanges } from './key-changes.ts'
import { oneTimeKeyCounts } from './one-time-keys.ts'
import { keysFields, localKeys } from './published-keys.ts'
import { type Failures, failuresJson, sortByServer } from './recipients.ts'
import type { RemoteKeys } from './remote.ts'
import { changesQuery, claimBody, queryBody, uploadBody } from './schemas.ts'
import { readUpload, storeUpload } from './upload.ts'

export interface KeysDeps {
  readonly storage: Storage
  readonly serverName: string
  /** The position in a sync token; undefined: not a token. */
  readonly parseToken: (token: string) => Position | undefined
  readonly sharingChanges: SharingChanges
  readonly confirm: Confirm
  readonly changes: KeyChanges
  /** Undefined: this server does not speak with others. */
  readonly remote: RemoteKeys | undefined
}

const maxBody = 1024 * 1024
/** Milliseconds that a client waits for other servers if it does not say how long; source: client-server API, `/keys/query`. */
const usualTimeout = 10_000

/** Keys of devices and users; source: client-server API, "End-to-End Encryption". */
export function keysEndpoints(deps: KeysDeps): Endpoint[] {
  const { storage, serverName, parseToken, sharingChanges, changes, remote } = deps
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
          storeUpload(tx, changes, auth, upload)
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
      async handle({ auth, body }) {
        checkCount(body.device_keys, (devices) => devices.length)
        const { local, remote: others } = sortByServer(body.device_keys, serverName)
        const fetched = others.size > 0 ? await remote?.query(auth.userId, others, body.timeout ?? usualTimeout) : undefined
        const own = local.flatMap(([userId, deviceIds]) => {
          const keys = localKeys(reader, userId, deviceIds)
          return keys ? [[userId, keys] as const] : []
        })
        const fields = keysFields(reader, auth.userId, [...own, ...(fetched?.users ?? [])])
        const members = Object.entries(fields).map(([field, json]) => `"${field}":${json}`)
        return jsonText(`{${members},"failures":${failuresJson(fetched?.failures ?? unreached(others.keys()))}}`)
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
        const { local, remote: others } = sortByServer(body.one_time_keys, serverName)
        const fetching = others.size > 0 ? remote?.claim(others, body.timeout ?? usualTimeout) : undefined
        const [own, fetched] = await Promise.all([local.length > 0 ? storage.write((tx) => claimKeys(tx, local)) : '', fetching])
        const members = [own, ...(fetched?.claimed ?? [])].filter((text) => text !== '')
        const failures = failuresJson(fetched?.failures ?? unreached(others.keys()))
        return jsonText(`{"one_time_keys":{${members}},"failures":${failures}}`)
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
    ...crossSigningEndpoints(deps),
  ]
}

function unreached(servers: Iterable<ServerName>): Failures {
  return new Map([...servers].map((server) => [server, 'This server does not reach other servers']))
}
