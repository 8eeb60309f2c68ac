import type { UserId } from '../../matrix/identifiers.ts'
import type { Milliseconds } from '../../platform/clock.ts'

/** What became of a room that somebody left. */
export interface LeftRoom {
  readonly roomId: string
  /** Null: a chat without a name. */
  readonly name: string | null
  /**
   * `handed-over`: the deputy runs it now. `others`: others run it. `nobody`: it has nobody to run it any more.
   * `chat`: of two people, and there is nothing to run.
   */
  readonly administration: 'handed-over' | 'others' | 'nobody' | 'chat' | 'none'
}

/** The protocol of how somebody left. */
export interface Farewell {
  readonly at: Milliseconds
  readonly by: string
  /** Who takes over; null: nobody was named. */
  readonly deputy: UserId | null
  readonly devices: readonly { readonly deviceId: string; readonly name: string | null; readonly lastSeen: Milliseconds }[]
  readonly rooms: readonly LeftRoom[]
}
