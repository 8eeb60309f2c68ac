import type { Sessions } from '../accounts/sessions.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Operations } from '../operations/operations.ts'
import type { Rooms } from '../rooms/rooms.ts'

/** The messenger behind the page: the part of the program that has a name and speaks Matrix. */
export interface Messenger {
  readonly running: RunningMessenger | undefined
  /** Why it does not run although it should, in a sentence. */
  readonly problem: string | undefined
  /** Builds it under the name that was answered; `problem` says if that failed. */
  start(): Promise<void>
  /** Builds the whole box anew, after an answer that it reads at its start only. Nothing may use the storage after calling this. */
  restart(): void
  /** Removes all data of this box, and builds it anew as one that nobody owns. Nothing may use the storage after calling this. */
  reset(): void
}

/** What the page needs of a messenger that runs. */
export interface RunningMessenger {
  readonly serverName: ServerName
  /** Where clients reach it; undefined: only within the practice's network. */
  readonly publicUrl: string | undefined
  readonly sessions: Sessions
  readonly rooms: Pick<Rooms, 'create' | 'membership' | 'send'>
  readonly operations: Operations
  /** Tries another server at once that could not be reached; undefined: this one speaks with no other. */
  readonly retryPartner: ((server: ServerName) => void) | undefined
}

/** What the configuration, which only technicians see, has settled already. */
export interface Settled {
  readonly publicUrl: string | undefined
}
