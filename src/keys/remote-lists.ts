import Type from 'typebox'
import { type BackOff, createBackOff } from '../federation/back-off.ts'
import type { FederationClient } from '../federation/client.ts'
import { anyObject } from '../http/schemas.ts'
import { type ServerName, serverOf, type UserId } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import { atMost } from '../platform/at-most.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { isNeighbour } from '../rooms/servers.ts'
import type { Writer } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import type { CrossSigningKey } from './cross-signing-keys.ts'
import { deviceListChanged } from './device-lists.ts'
import type { PublishedDevice, PublishedKeys } from './published-keys.ts'
import { maxDevices, readRemoteDevice, readRemoteSigningKey, sharedUsages } from './remote-keys.ts'
import {
  changeRemoteDevice,
  changeRemoteSigningKeys,
  countKeptDevices,
  doubtRemoteList,
  findRemoteList,
  forgetRemoteList,
  keptDevice,
  keptKeys,
  storeRemoteList,
} from './remote-store.ts'
import { shareRoomSince } from './sharing.ts'

/** A change of one device, as its server tells it; `device` undefined: it has no keys, or is gone. */
export interface DeviceUpdate {
  readonly deviceId: string
  readonly device: PublishedDevice | undefined
  readonly streamId: number
  /** The changes that this one follows on. */
  readonly previous: readonly number[]
}

/** `keys` undefined: the server knows no such user. */
export type FetchedKeys = { readonly keys: PublishedKeys | undefined } | { readonly problem: string }

/**
 * The devices of users of other servers. A list is kept while a room is shared, because only then their server tells of changes; whether
 * that was so without a break is asked when the list is used, not noted with every membership.
 * Source: server-server API, "Device Management".
 */
export interface RemoteLists {
  /** What is kept, if it is certain to be what the user's server would say. */
  known(viewer: string, userId: string): PublishedKeys | undefined
  /** Asks the user's server, once for all who ask at the same time, and keeps the answer where a room is shared. */
  obtain(askedFor: string, userId: UserId): Promise<FetchedKeys>
  /** Takes a change, and tells local users. Undefined: the server said something that is no change. */
  deviceChanged(userId: UserId, update: DeviceUpdate | undefined): Promise<void>
  /** Empty: the server did not say which. */
  signingKeysChanged(userId: UserId, keys: readonly CrossSigningKey[]): Promise<void>
}

export interface RemoteListsDeps {
  readonly storage: Storage
  readonly client: FederationClient
  readonly clock: Clock
  readonly log: Log
  readonly serverName: ServerName
}

/** A question to a user's server that has no answer yet. */
interface Flight {
  readonly result: Promise<FetchedKeys>
  /** The newest change that was told meanwhile: the answer may be older. */
  heard: number
}

const answerSchema = Type.Object({
  user_id: Type.String(),
  stream_id: Type.Integer(),
  devices: Type.Array(anyObject, { maxItems: maxDevices }),
  master_key: Type.Optional(Type.Unknown()),
  self_signing_key: Type.Optional(Type.Unknown()),
})
/** Bytes: a few hundred devices with their signatures. */
const limits = { bytes: 4 * 1024 * 1024 }
/** Questions at once, so that their answers fit into the memory. */
const parallel = 20
/** Beyond so many under way, lists that are in doubt wait until somebody asks for them. */
const maxFlights = 500
/** Between questions that nobody but the other server is the cause of; milliseconds. */
const firstPause = 5000
const longestPause = 3_600_000

export function createRemoteLists(deps: RemoteListsDeps): RemoteLists {
  const { storage, client, clock, log, serverName } = deps
  const flights = new Map<UserId, Flight>()
  const inTurn = atMost(parallel)
  const doubted: BackOff = createBackOff(clock, firstPause, longestPause)

  function obtain(askedFor: string, userId: UserId): Promise<FetchedKeys> {
    const running = flights.get(userId)
    if (running) return running.result
    const flight: Flight = { heard: Number.NEGATIVE_INFINITY, result: inTurn(() => ask(askedFor, userId)) }
    flights.set(userId, flight)
    return flight.result.finally(() => flights.delete(userId))
  }

  async function ask(askedFor: string, userId: UserId): Promise<FetchedKeys> {
    const askedAt = storage.reader.position
    const target = `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`
    const answer = await client.ask(serverOf(userId), { method: 'GET', target, limits }, answerSchema)
    if ('problem' in answer) return answer
    if ('refusal' in answer) {
      const { status, code } = answer.refusal
      if (status !== 404 || code !== 'M_NOT_FOUND') return { problem: `it refused (${status})` }
      await storage.write((tx) => forgetRemoteList(tx, userId))
      return { keys: undefined }
    }
    if (answer.body.user_id !== userId) return { problem: 'the answer is about somebody else' }
    const keys = readAnswer(userId, answer.body)
    const streamId = answer.body.stream_id
    await storage.write((tx) => keep(tx, userId, { streamId, askedAt, askedFor }, keys))
    return { keys }
  }

  function keep(
    tx: Writer,
    userId: UserId,
    asked: { readonly streamId: number; readonly askedAt: number; readonly askedFor: string },
    keys: PublishedKeys,
  ): void {
    if (!isNeighbour(tx, serverName, userId)) return forgetRemoteList(tx, userId)
    const current = (flights.get(userId)?.heard ?? Number.NEGATIVE_INFINITY) <= asked.streamId
    const unnoticed = findRemoteList(tx, userId)?.current === true && !sameKeys(keptKeys(tx, userId), keys)
    storeRemoteList(tx, userId, { ...asked, current }, keys)
    if (unnoticed) deviceListChanged(tx, userId)
  }

  /** For those who will ask soon, since they are told that something changed. */
  async function resync(userId: UserId): Promise<void> {
    const kept = findRemoteList(storage.reader, userId)
    if (!kept || kept.current || flights.has(userId) || flights.size >= maxFlights || doubted.wait(userId) > 0) return
    // Only a change that follows on what is known makes up for it: a server whose changes never do is asked less and less.
    doubted.failed(userId)
    const fetched = await obtain(kept.askedFor, userId)
    if ('problem' in fetched) log.info({ userId, problem: fetched.problem }, 'a list of devices could not be asked for')
  }

  function startResync(userId: UserId): void {
    resync(userId).catch((error: unknown) => log.warn({ userId, err: error }, 'a list of devices could not be kept'))
  }

  /** Inside of it the list is changed, and the answer says whether it can still be trusted. Undefined: nothing happened. */
  async function take(userId: UserId, streamId: number, change: (tx: Writer) => boolean | undefined): Promise<void> {
    const flight = flights.get(userId)
    if (flight) flight.heard = Math.max(flight.heard, streamId)
    const trusted = await storage.write((tx) => {
      if (!isNeighbour(tx, serverName, userId)) {
        forgetRemoteList(tx, userId)
        return undefined
      }
      const understood = change(tx)
      if (understood === undefined) return undefined
      if (!understood) doubtRemoteList(tx, userId)
      deviceListChanged(tx, userId)
      return understood
    })
    if (trusted === false) startResync(userId)
  }

  return {
    obtain,
    known(viewer, userId) {
      const { reader } = storage
      const kept = findRemoteList(reader, userId)
      if (!kept?.current) return undefined
      const told = [kept.askedFor, viewer].some((local) => shareRoomSince(reader, local, userId, kept.askedAt))
      return told ? keptKeys(reader, userId) : undefined
    },
    deviceChanged(userId, update) {
      return take(userId, update?.streamId ?? Number.POSITIVE_INFINITY, (tx) => {
        const understood = update !== undefined && apply(tx, userId, update)
        if (understood) doubted.succeeded(userId)
        return understood
      })
    },
    signingKeysChanged(userId, keys) {
      return take(userId, Number.POSITIVE_INFINITY, (tx) => {
        if (keys.length === 0) return false
        if (findRemoteList(tx, userId)) changeRemoteSigningKeys(tx, userId, keys)
        return true
      })
    },
  }
}

/** True: the list is right again. False: there may be a gap. Undefined: this was known. */
function apply(tx: Writer, userId: UserId, { deviceId, device, streamId, previous }: DeviceUpdate): boolean | undefined {
  const kept = findRemoteList(tx, userId)
  // Who has no list asks for it when somebody wants it.
  if (!kept) return true
  if (!kept.current) return false
  const before = keptDevice(tx, userId, deviceId)
  if (streamId <= kept.streamId) return sameDevice(before, device) ? undefined : false
  // All changes up to the kept number are in the list, whether they came one by one or in an answer.
  const follows = previous.length > 0 && previous.every((id) => id <= kept.streamId)
  if (!follows || (!before && device && countKeptDevices(tx, userId) >= maxDevices)) return false
  changeRemoteDevice(tx, userId, streamId, deviceId, device)
  return true
}

function readAnswer(userId: UserId, body: Type.Static<typeof answerSchema>): PublishedKeys {
  const devices = new Map<string, PublishedDevice>()
  for (const entry of body.devices as JsonObject[]) {
    const device = readRemoteDevice(userId, entry.device_id, entry.keys, entry.device_display_name)
    if (device) devices.set(device.deviceId, device)
  }
  const signingKeys = sharedUsages.flatMap((usage) => {
    const key = readRemoteSigningKey(userId, usage, body[`${usage}_key`])
    return key ? [[usage, key] as const] : []
  })
  return { devices: [...devices.values()], signingKeys: new Map(signingKeys) }
}

function sameDevice(one: PublishedDevice | undefined, other: PublishedDevice | undefined): boolean {
  return one?.json === other?.json && (one?.displayName ?? null) === (other?.displayName ?? null)
}

function sameKeys(one: PublishedKeys, other: PublishedKeys): boolean {
  const text = ({ devices, signingKeys }: PublishedKeys) =>
    JSON.stringify([
      devices.map(({ deviceId, json, displayName }) => [deviceId, json, displayName]).sort(),
      sharedUsages.map((usage) => signingKeys.get(usage)?.json),
    ])
  return text(one) === text(other)
}
