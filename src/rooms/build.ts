import { selectAuthEvents } from '../matrix/auth-events.ts'
import { CanonicalJsonError } from '../matrix/canonical-json.ts'
import { checkFormat, toPdu } from '../matrix/format.ts'
import { canonicalProfile, referenceHash, withContentHash } from '../matrix/hashes.ts'
import { makeEventId, type RoomId, type ServerName, type UserId } from '../matrix/identifiers.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Pdu } from '../matrix/pdu.ts'
import type { RoomVersion } from '../matrix/room-versions.ts'
import type { Signer } from '../matrix/signatures.ts'
import { type Random, randomLetters } from '../platform/random.ts'
import { type Position, type Reader, statement, type Writer } from '../storage/handles.ts'
import { eventIdAt, pduAt, versionOf } from './event-store.ts'
import type { Room } from './members.ts'
import { currentEntry } from './state.ts'

/** What a client asks for; everything else of an event follows from the room. */
export interface Draft {
  readonly type: string
  /** Undefined: not a state event. */
  readonly stateKey?: string | undefined
  readonly sender: UserId
  readonly content: JsonObject
  /** Of a redaction. */
  readonly redacts?: string | undefined
}

export interface Builder {
  readonly signer: Signer
  readonly random: Random
  /** Milliseconds since the epoch. */
  now(): number
  /** Puts an event into the queues of other servers; absent: this server does not speak with others. */
  readonly enqueue?: ((tx: Writer, servers: readonly ServerName[], position: Position, room: number) => void) | undefined
  /** A user of this server came into a room. */
  readonly onJoined?: ((tx: Writer, userId: string, nid: number) => void) | undefined
}

const heads = statement<[number], { position: Position; depth: number }>(
  `SELECT e.position, e.depth FROM room_heads h JOIN events e ON e.position = h.position WHERE h.room_nid = ? ORDER BY e.depth DESC LIMIT 20`,
)
/** Depths are bounded by the canonical JSON integers. */
const maxDepth = 2 ** 53 - 1

export type Built = { readonly pdu: Pdu } | { readonly problem: string }

/** A hashed and signed event at the end of the room's graph, or why there can be none. Call it inside the write that admits it. */
export function buildEvent(reader: Reader, builder: Builder, room: Room, draft: Draft): Built {
  return sealEvent(builder, versionOf(room), templateOf(reader, builder, room, draft))
}

/** An event at the end of the room's graph, with neither hash nor signature. */
export function templateOf(reader: Reader, builder: Builder, room: Room, draft: Draft): JsonObject {
  const version = versionOf(room)
  const previous = heads(reader).all(room.nid)
  const authEvents: Position[] = []
  const toAuthorise = { type: draft.type, sender: draft.sender, stateKey: draft.stateKey, content: draft.content }
  for (const [type, stateKey] of selectAuthEvents(version, toAuthorise)) {
    const position = currentEntry(reader, room.nid, type, stateKey)
    if (position !== undefined) authEvents.push(position)
  }
  return bareEvent(builder, version, room.roomId, draft, {
    auth_events: referencesTo(reader, version, authEvents),
    prev_events: referencesTo(
      reader,
      version,
      previous.map(({ position }) => position),
    ),
    depth: Math.min((previous[0]?.depth ?? 0) + 1, maxDepth),
  })
}

/** The first event of a room; `roomId` is undefined where the room's id will follow from it. */
export function buildCreateEvent(builder: Builder, version: RoomVersion, roomId: RoomId | undefined, draft: Draft): Built {
  return sealEvent(builder, version, bareEvent(builder, version, roomId, draft, { auth_events: [], prev_events: [], depth: 1 }))
}

/** Room versions 1 and 2 name an event by its id and hash, later ones by an id that is the hash. */
export function referencesTo(reader: Reader, version: RoomVersion, positions: readonly Position[]): JsonObject['auth_events'] {
  if (version.eventId !== 'in-event') return positions.map((position) => eventIdAt(reader, position))
  return positions.map((position) => {
    const { eventId, raw } = pduAt(reader, position, version)
    return [eventId, { sha256: referenceHash(raw, version) }]
  })
}

export function bareEvent(
  builder: Builder,
  version: RoomVersion,
  roomId: RoomId | undefined,
  { type, stateKey, sender, content, redacts }: Draft,
  graph: JsonObject,
): JsonObject {
  return {
    ...graph,
    type,
    sender,
    origin_server_ts: builder.now(),
    ...(version.eventId === 'in-event' && { event_id: chosenEventId(builder) }),
    ...(roomId !== undefined && { room_id: roomId }),
    ...(stateKey !== undefined && { state_key: stateKey }),
    content: redacts !== undefined && version.redaction.redactsInContent ? { ...content, redacts } : content,
    ...(redacts !== undefined && !version.redaction.redactsInContent && { redacts }),
  }
}

/** Hashes and signs an event. */
export function sealEvent({ signer }: Builder, version: RoomVersion, bare: JsonObject): Built {
  let raw: JsonObject
  try {
    raw = signer.signEvent(withContentHash(bare, canonicalProfile(version)), version)
  } catch (error) {
    // Looking for numbers that cannot be signed beforehand would cost every event a second walk through it.
    if (error instanceof CanonicalJsonError) return { problem: error.message }
    throw error
  }
  const problem = checkFormat(raw, version)
  return problem === undefined ? { pdu: toPdu(raw, version) } : { problem }
}

function chosenEventId({ random, signer }: Builder): string {
  const id = makeEventId(randomLetters(random, 18), signer.serverName)
  if (id === undefined) throw new Error('the server name is too long for the event ids of room versions 1 and 2')
  return id
}
