import type { EventId, RoomId, UserId } from './identifiers.ts'
import type { JsonObject } from './json.ts'

/**
 * A read-only view of a persistent event. `raw` is the object as it was received (or built), never changed:
 * hashes and signatures are over the whole of it.
 */
export interface Pdu {
  readonly eventId: EventId
  readonly roomId: RoomId
  readonly type: string
  readonly sender: UserId
  /** Undefined: not a state event. */
  readonly stateKey: string | undefined
  readonly content: JsonObject
  readonly authEvents: readonly EventId[]
  readonly prevEvents: readonly EventId[]
  readonly depth: number
  readonly originServerTs: number
  /** Target of a redaction, wherever the room version keeps it. */
  readonly redacts: EventId | undefined
  readonly raw: JsonObject
}
