import type { Endpoint } from '../http/endpoint.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Signer } from '../matrix/signatures.ts'
import type { Clock } from '../platform/clock.ts'
import type { Random } from '../platform/random.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import type { Builder } from './build.ts'
import { createMembership, type MembershipVerbs } from './membership.ts'
import { membershipEndpoints } from './membership-endpoints.ts'
import { readEndpoints } from './read-endpoints.ts'
import { relationEndpoints } from './relation-endpoints.ts'
import { createSend, type Send } from './send.ts'
import { writeEndpoints } from './write-endpoints.ts'

export interface RoomsOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly defaultVersion: string
  readonly encryptPrivateRooms: boolean
  profileOf(reader: Reader, userId: string): JsonObject
  inviteProblem(reader: Reader, userId: string): string | undefined
  /** Somebody did something. */
  active(userId: string): void
}

export interface Rooms {
  readonly endpoints: readonly Endpoint[]
  readonly send: Send
  readonly membership: MembershipVerbs
}

/** Rooms: their events, state and members. */
export function createRooms(options: RoomsOptions): Rooms {
  const { storage, clock, signer, random } = options
  const builder: Builder = { signer, random, now: () => clock.now() }
  const send = createSend({ storage, builder })
  const membership = createMembership({ ...options, builder })
  return {
    endpoints: [
      ...writeEndpoints(send, { ...options, builder }, options.active),
      ...membershipEndpoints(membership),
      ...readEndpoints({ storage, clock }),
      ...relationEndpoints({ storage, clock }),
    ],
    send,
    membership,
  }
}
