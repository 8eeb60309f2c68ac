import type { RoomId } from '../matrix/identifiers.ts'
import type { Position, Reader } from '../storage/handles.ts'

/** A filter for events, as clients send it; source: client-server API, "Filtering". */
export interface EventFilter {
  readonly limit?: number
  readonly types?: readonly string[]
  readonly not_types?: readonly string[]
  readonly senders?: readonly string[]
  readonly not_senders?: readonly string[]
}

export interface RoomEventFilter extends EventFilter {
  readonly rooms?: readonly string[]
  readonly not_rooms?: readonly string[]
  readonly contains_url?: boolean
  readonly lazy_load_members?: boolean
  readonly include_redundant_members?: boolean
  readonly unread_thread_notifications?: boolean
}

export interface SyncFilter {
  readonly account_data?: EventFilter
  readonly presence?: EventFilter
  readonly event_format?: string
  readonly event_fields?: readonly string[]
  readonly room?: {
    readonly rooms?: readonly string[]
    readonly not_rooms?: readonly string[]
    readonly include_leave?: boolean
    readonly timeline?: RoomEventFilter
    readonly state?: RoomEventFilter
    readonly ephemeral?: RoomEventFilter
    readonly account_data?: RoomEventFilter
  }
}

/** What is asked of every stream: what is new for this viewer between two positions. */
export interface SyncQuery {
  readonly reader: Reader
  readonly userId: string
  readonly deviceId: string
  /** Exclusive; 0: everything (first sync). */
  readonly from: Position
  /** Inclusive. */
  readonly to: Position
  /** Rooms that the viewer is joined to and that the filter lets through, by their short name. */
  readonly joined: ReadonlyMap<number, RoomId>
  /** Those of them that are new since `from`: everything about them is news. */
  readonly newlyJoined: ReadonlySet<number>
  readonly filter: SyncFilter
}

/** The part of the answer about one joined room; texts are JSON. */
export interface RoomDraft {
  addEphemeral(eventJson: string): void
  addAccountData(eventJson: string): void
}

export interface SyncDraft {
  /** Puts a top-level field of the answer. `news`: a reason to answer a waiting client at once. */
  set(field: string, json: string, news: boolean): void
  /** The part about a joined room; what is added to it is news. */
  room(nid: number): RoomDraft
}

/** A capability's part of sync. `sync/` knows only this. */
export interface SyncStream {
  collect(query: SyncQuery, draft: SyncDraft): void
}

/** A field of each joined room that is in an answer for whatever reason, such as its unread counts; JSON text by field name. */
export interface RoomFields {
  fieldsOf(query: SyncQuery, nid: number): Readonly<Record<string, string>>
}

/** Whether an event passes a filter's types and senders; `*` in a type stands for any characters. */
export function passes(filter: EventFilter | undefined, type: string, sender: string | undefined): boolean {
  if (!filter) return true
  if (filter.not_types?.some((pattern) => typeMatches(pattern, type))) return false
  if (filter.types && !filter.types.some((pattern) => typeMatches(pattern, type))) return false
  if (sender === undefined) return true
  if (filter.not_senders?.includes(sender)) return false
  return !filter.senders || filter.senders.includes(sender)
}

function typeMatches(pattern: string, type: string): boolean {
  if (!pattern.includes('*')) return pattern === type
  const parts = pattern.split('*')
  if (!type.startsWith(parts[0] ?? '')) return false
  let at = (parts[0] ?? '').length
  for (const part of parts.slice(1, -1)) {
    const found = type.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  const last = parts.at(-1) ?? ''
  return type.length - at >= last.length && type.endsWith(last)
}
