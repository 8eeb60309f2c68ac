import { ok, type RoomEvent, v3 } from '../rooms/kit.ts'
import type { TestUser } from '../support/world.ts'

export interface RoomAnswer {
  readonly timeline: { readonly events: readonly RoomEvent[]; readonly limited: boolean; readonly prev_batch: string }
  readonly state: { readonly events: readonly RoomEvent[] }
  readonly state_after: { readonly events: readonly RoomEvent[] }
  readonly ephemeral: { readonly events: readonly RoomEvent[] }
  readonly account_data: { readonly events: readonly RoomEvent[] }
  readonly summary: Readonly<Record<string, unknown>>
  readonly unread_notifications: { readonly notification_count: number; readonly highlight_count: number }
}

export interface SyncAnswer {
  readonly next_batch: string
  readonly rooms: {
    readonly join: Readonly<Record<string, RoomAnswer>>
    readonly leave: Readonly<Record<string, RoomAnswer>>
    readonly invite: Readonly<Record<string, { readonly invite_state: { readonly events: readonly RoomEvent[] } }>>
    readonly knock: Readonly<Record<string, { readonly knock_state: { readonly events: readonly RoomEvent[] } }>>
  }
  readonly to_device: { readonly events: readonly RoomEvent[] }
  readonly device_lists: { readonly changed: readonly string[]; readonly left: readonly string[] }
}

export interface SyncOptions {
  readonly since?: string
  readonly timeout?: number
  readonly filter?: object
  /** Further parameters, each with a leading `&`. */
  readonly more?: string
}

/** One sync; parts of the answer that have nothing are empty instead of absent. */
export async function sync(user: TestUser, options: SyncOptions = {}): Promise<SyncAnswer> {
  return complete(await ok(user, 'GET', syncPath(options)))
}

export function syncPath({ since, timeout = 0, filter, more = '' }: SyncOptions): string {
  const begin = since === undefined ? '' : `&since=${since}`
  const chosen = filter === undefined ? '' : `&filter=${encodeURIComponent(JSON.stringify(filter))}`
  return `${v3}/sync?timeout=${timeout}${begin}${chosen}${more}`
}

export function complete(answer: Partial<SyncAnswer> & { readonly next_batch: string }): SyncAnswer {
  const nothing = { join: {}, leave: {}, invite: {}, knock: {} }
  return {
    ...answer,
    rooms: { ...nothing, ...answer.rooms },
    to_device: answer.to_device ?? { events: [] },
    device_lists: answer.device_lists ?? { changed: [], left: [] },
  }
}

/** `type` and `state key`, in order. */
export const keys = (events: readonly RoomEvent[]): string[] =>
  events.map(({ type, state_key: key }) => (key ? `${type} ${key}` : type)).sort()

export const timelineLimit = (limit: number) => ({ room: { timeline: { limit } } })
