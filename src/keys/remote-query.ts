import Type from 'typebox'
import type { FederationClient } from '../federation/client.ts'
import { anyObject } from '../http/schemas.ts'
import type { ServerName, UserId } from '../matrix/identifiers.ts'
import { isObject, type JsonObject } from '../matrix/json.ts'
import type { Milliseconds } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { isNeighbour } from '../rooms/servers.ts'
import type { Storage } from '../storage/storage.ts'
import type { AskServers } from './ask-servers.ts'
import type { PublishedDevice, PublishedKeys } from './published-keys.ts'
import type { Failures, Wishes } from './recipients.ts'
import { maxDevices, readRemoteDevice, readRemoteSigningKey, sharedUsages } from './remote-keys.ts'
import type { RemoteLists } from './remote-lists.ts'

/** Keys of users of other servers, from what is kept or from their servers. */
export type QueryServers = (
  viewer: string,
  wishes: ReadonlyMap<ServerName, Wishes<readonly string[]>>,
  timeout: Milliseconds,
) => Promise<{ readonly users: ReadonlyMap<UserId, PublishedKeys>; readonly failures: Failures }>

export interface QueryServersDeps {
  readonly storage: Storage
  readonly client: FederationClient
  readonly log: Log
  readonly serverName: ServerName
  readonly lists: RemoteLists
  readonly askServers: AskServers
}

/** So many users of one server are asked about one by one, which lets their lists be kept; more are asked about together. */
const maxSingly = 20
const maxTogether = 100
/** Bytes of an answer, for its users each and besides. */
const bytesEach = 64 * 1024
const bytesAtLeast = 1024 * 1024
/** Characters of all that one request collects. */
const maxCollected = 32 * 1024 * 1024

const answerSchema = Type.Object({
  device_keys: anyObject,
  master_keys: Type.Optional(anyObject),
  self_signing_keys: Type.Optional(anyObject),
})

/** Source: client-server API, `/keys/query`; server-server API, `/user/keys/query` and `/user/devices/{userId}`. */
export function createQueryServers(deps: QueryServersDeps): QueryServers {
  const { storage, client, log, serverName, lists, askServers } = deps

  return async (viewer, wishes, timeout) => {
    const users = new Map<UserId, PublishedKeys>()
    const unknown = new Map<ServerName, Wishes<readonly string[]>>()
    let collected = 0
    let over = false
    function add(userId: UserId, deviceIds: readonly string[], keys: PublishedKeys): string | undefined {
      const wanted = deviceIds.length === 0 ? keys.devices : keys.devices.filter(({ deviceId }) => deviceIds.includes(deviceId))
      collected += [...wanted, ...keys.signingKeys.values()].reduce((sum, { json }) => sum + json.length, 0)
      if (collected > maxCollected) return 'There is no room for its answer'
      if (!over) users.set(userId, { ...keys, devices: wanted })
      return undefined
    }

    for (const [server, ofServer] of wishes) {
      const left = ofServer.filter(([userId, deviceIds]) => {
        const kept = lists.known(viewer, userId)
        return kept === undefined || add(userId, deviceIds, kept) !== undefined
      })
      if (left.length > 0) unknown.set(server, left)
    }
    const failures = await askServers([...unknown], timeout, async ([server, left], remaining) => {
      const found = await find(viewer, server, left, remaining)
      const problems = found.map((part) => ('problem' in part ? part.problem : add(part.userId, part.wish, part.keys)))
      return problems.find((problem) => problem !== undefined)
    })
    over = true
    return { users, failures }
  }

  type Found = { readonly userId: UserId; readonly wish: readonly string[]; readonly keys: PublishedKeys }

  async function find(
    viewer: string,
    server: ServerName,
    wishes: Wishes<readonly string[]>,
    timeout: Milliseconds,
  ): Promise<readonly (Found | { readonly problem: string })[]> {
    const neighbours = wishes.filter(([userId]) => isNeighbour(storage.reader, serverName, userId))
    const singly = neighbours.length <= maxSingly ? neighbours : []
    const together = wishes.filter((wish) => !singly.includes(wish))
    const groups = Array.from({ length: Math.ceil(together.length / maxTogether) }, (_, index) =>
      together.slice(index * maxTogether, (index + 1) * maxTogether),
    )
    const one = async ([userId, wish]: Wishes<readonly string[]>[number]) => {
      const fetched = await lists.obtain(viewer, userId)
      if ('problem' in fetched) return [fetched]
      return fetched.keys ? [{ userId, wish, keys: fetched.keys }] : []
    }
    const several = (group: Wishes<readonly string[]>) => askTogether(server, group, timeout)
    return (await Promise.all([...singly.map(one), ...groups.map(several)])).flat()
  }

  async function askTogether(
    server: ServerName,
    wishes: Wishes<readonly string[]>,
    timeout: Milliseconds,
  ): Promise<readonly (Found | { readonly problem: string })[]> {
    const target = '/_matrix/federation/v1/user/keys/query'
    const content = { device_keys: Object.fromEntries(wishes) }
    const limits = { headers: timeout, total: timeout, bytes: bytesAtLeast + wishes.length * bytesEach }
    const answer = await client.ask(server, { method: 'POST', target, content, limits }, answerSchema)
    if ('problem' in answer) return [answer]
    if ('refusal' in answer) return [{ problem: `It refused (${answer.refusal.status})` }]
    const body = answer.body as JsonObject
    const found = wishes.flatMap(([userId, wish]) => {
      const keys = readKeys(body, userId)
      return keys ? [{ userId, wish, keys }] : []
    })
    log.debug({ server, asked: wishes.length, found: found.length }, 'asked for keys')
    return found
  }
}

/** What an answer says about one user; undefined: nothing. */
function readKeys(body: JsonObject, userId: UserId): PublishedKeys | undefined {
  const devices = entryOf(body.device_keys, userId)
  if (!isObject(devices)) return undefined
  const read = Object.entries(devices)
    .slice(0, maxDevices)
    .flatMap(([deviceId, keys]): readonly PublishedDevice[] => {
      const unsigned = isObject(keys) && isObject(keys.unsigned) ? keys.unsigned : {}
      const device = readRemoteDevice(userId, deviceId, keys, unsigned.device_display_name)
      return device ? [device] : []
    })
  const signingKeys = sharedUsages.flatMap((usage) => {
    const key = readRemoteSigningKey(userId, usage, entryOf(body[`${usage}_keys`], userId))
    return key ? [[usage, key] as const] : []
  })
  return { devices: read, signingKeys: new Map(signingKeys) }
}

function entryOf(map: unknown, userId: string): unknown {
  return isObject(map) && Object.hasOwn(map, userId) ? map[userId] : undefined
}
