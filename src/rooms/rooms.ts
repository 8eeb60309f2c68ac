import type { FederationClient } from '../federation/client.ts'
import type { Endpoint } from '../http/endpoint.ts'
import type { RoomId, UserId } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Signer } from '../matrix/signatures.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Random } from '../platform/random.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import type { Builder } from './build.ts'
import { type CreateRoomWish, createRoom } from './create-room.ts'
import { handshakeEndpoints } from './handshakes/federation-endpoints.ts'
import { outOfBandProblem, storeMembership } from './handshakes/out-of-band.ts'
import { createRemoteMembership } from './handshakes/remote-membership.ts'
import { createMembership, type MembershipVerbs, type OtherServers } from './membership.ts'
import { membershipEndpoints } from './membership-endpoints.ts'
import { followUpgrade, type TransferSettings } from './predecessor.ts'
import { readEndpoints } from './read-endpoints.ts'
import { createBackfill } from './receiving/backfill.ts'
import type { VerifyEvents } from './receiving/check.ts'
import { createReceiver, type Receiver } from './receiving/receive.ts'
import { askHistory } from './receiving/remote.ts'
import { relationEndpoints } from './relation-endpoints.ts'
import { createSend, type Send } from './send.ts'
import { servingEndpoints } from './serving/endpoints.ts'
import { timeTravelEndpoints } from './time-travel.ts'
import { createRemoteTimeTravel } from './time-travel-remote.ts'
import { upgradeEndpoints } from './upgrade.ts'
import { writeEndpoints } from './write-endpoints.ts'

export interface RoomsOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly log: Log
  readonly signer: Signer
  readonly defaultVersion: string
  readonly encryptPrivateRooms: boolean
  profileOf(reader: Reader, userId: string): JsonObject
  inviteProblem(reader: Reader, userId: string): string | undefined
  readonly transferSettings: TransferSettings
  /** Somebody did something. */
  active(userId: string): void
  /** Absent: this server does not speak with others. */
  readonly federation?: RoomsFederation | undefined
}

export interface RoomsFederation {
  readonly client: FederationClient
  readonly verify: VerifyEvents
  readonly enqueue: NonNullable<Builder['enqueue']>
  readonly onJoined: NonNullable<Builder['onJoined']>
  readonly resolveAlias: OtherServers['resolveAlias']
}

export interface Rooms {
  readonly endpoints: readonly Endpoint[]
  /** For other servers. */
  readonly serverEndpoints: readonly Endpoint[]
  create(creator: UserId, wish: CreateRoomWish): Promise<RoomId>
  readonly send: Send
  readonly membership: MembershipVerbs
  /** Takes events of other servers. */
  readonly receive: Receiver['receive']
}

/** Rooms: their events, state and members. */
export function createRooms(options: RoomsOptions): Rooms {
  const { storage, clock, signer, random, log, federation } = options
  const builder: Builder = { ...federation, signer, random, now: () => clock.now() }
  const send = createSend({ storage, builder })
  const others = federation && {
    membership: createRemoteMembership({ ...federation, storage, builder, log, clock }),
    invite: { ...federation, storage, builder, log },
    resolveAlias: federation.resolveAlias,
  }
  const verbs = createMembership({ ...options, builder, others })
  const membership: MembershipVerbs = {
    ...verbs,
    async join(userId, ...wish) {
      const roomId = await verbs.join(userId, ...wish)
      await followUpgrade(storage, options.transferSettings, userId, roomId)
      return roomId
    },
  }
  const fetching = federation && {
    storage,
    history: askHistory(federation.client),
    verify: federation.verify,
    serverName: signer.serverName,
    clock,
    log,
  }
  const backfill = fetching && createBackfill(fetching)
  const fillAround =
    federation &&
    backfill &&
    createRemoteTimeTravel({ storage, client: federation.client, backfill, serverName: signer.serverName })
  const receiver =
    fetching &&
    createReceiver({
      ...fetching,
      timers: options.timers,
      takeOutOfBand: (origin, room, pdu) =>
        storage.write((tx) => {
          const problem = outOfBandProblem(tx, room, pdu, origin, signer.serverName)
          if (problem === undefined) storeMembership(tx, room, pdu)
          return problem
        }),
    })
  const making = { ...options, builder, inviteElsewhere: membership.inviteElsewhere }
  return {
    endpoints: [
      ...writeEndpoints(send, making, options.active),
      ...upgradeEndpoints({ ...options, builder }),
      ...membershipEndpoints(membership),
      ...readEndpoints({ storage, clock, fillHistory: backfill?.fill }),
      ...relationEndpoints({ storage, clock }),
      ...timeTravelEndpoints({ storage, fillAround }),
    ],
    serverEndpoints: federation
      ? [
          ...handshakeEndpoints({ storage, builder, verify: federation.verify, inviteProblem: options.inviteProblem }),
          ...servingEndpoints({ storage, clock, serverName: signer.serverName }),
        ]
      : [],
    create: (creator, wish) => createRoom(making, creator, wish),
    send,
    membership,
    receive: receiver?.receive ?? (async () => ({})),
  }
}
