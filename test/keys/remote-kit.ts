import { expect } from 'vitest'
import { joinVia, type Pair, pair } from '../rooms/federation-kit.ts'
import { createRoom, ok, v3 } from '../rooms/kit.ts'
import type { TestUser } from '../support/world.ts'
import { type ClientKey, clientKey, crossSigningKey, deviceKeysOf, oneTimeKeys } from './key-material.ts'

export interface Neighbours extends Pair {
  /** In which both are. */
  readonly roomId: string
}

/** Alice of a.test and Bob of b.test share a room. */
export async function neighbours(): Promise<Neighbours> {
  const both = await pair()
  const roomId = await createRoom(both.alice)
  expect((await joinVia(both.bob, roomId, 'a.test')).status).toBe(200)
  await both.world.settled()
  return { ...both, roomId }
}

/** Uploads identity keys for the user's device; and `count` one-time keys. */
export async function uploadKeys(user: TestUser, count = 0): Promise<ClientKey> {
  const key = clientKey()
  const device_keys = deviceKeysOf(user.userId, user.deviceId, key)
  await ok(user, 'POST', `${v3}/keys/upload`, { device_keys, one_time_keys: oneTimeKeys(user.userId, user.deviceId, 1, count) })
  return key
}

/** Uploads a master and a self-signing key. */
export async function uploadSigningKeys(
  user: TestUser,
): Promise<{ readonly master: ClientKey; readonly selfSigning: ClientKey }> {
  const [master, selfSigning] = [clientKey(), clientKey()]
  await ok(user, 'POST', `${v3}/keys/device_signing/upload`, {
    master_key: crossSigningKey(user.userId, 'master', master),
    self_signing_key: master.sign(crossSigningKey(user.userId, 'self_signing', selfSigning), user.userId),
  })
  return { master, selfSigning }
}

/** The answer to a question for all keys of some users. */
export const query = (viewer: TestUser, ...userIds: readonly string[]) =>
  ok(viewer, 'POST', `${v3}/keys/query`, { device_keys: Object.fromEntries(userIds.map((userId) => [userId, []])) })

/** The ids of a user's devices, as a viewer is told. */
export async function devicesSeen(viewer: TestUser, userId: string): Promise<string[]> {
  return Object.keys((await query(viewer, userId)).device_keys[userId] ?? {}).sort()
}

/** Device-list part of the next sync, and the token after it. */
export async function changesSince(user: TestUser, since: string): Promise<{ changed: string[]; left: string[]; next: string }> {
  const body = await ok(user, 'GET', `${v3}/sync?since=${since}`)
  return { changed: [], left: [], ...body.device_lists, next: body.next_batch }
}

export async function tokenOf(user: TestUser): Promise<string> {
  return (await ok(user, 'GET', `${v3}/sync`)).next_batch
}

/** How often a server was asked for something, by a part of the path. */
export function counted({ world }: Pair, server: string, part: string): number {
  return world.network.asked.filter((what) => what.startsWith(`${server}/`) && what.includes(part)).length
}
