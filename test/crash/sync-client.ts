import { expect } from 'vitest'
import type { Mortal } from './call.ts'

export interface Account {
  readonly userId: string
  readonly deviceId: string
  readonly token: string
}

export interface TimelineEvent {
  readonly event_id: string
  readonly type: string
  readonly sender: string
  readonly content: { readonly body?: string; readonly mark?: number }
}

/** A client that keeps nothing but what answered syncs told it. */
export interface SyncClient {
  readonly account: Account
  readonly since: string
  /** Ids of the events of each room, as they came. */
  readonly timelines: ReadonlyMap<string, readonly string[]>
  /** Marks of the messages to the device, by sender, as they came. */
  readonly marks: ReadonlyMap<string, readonly number[]>
  /** One sync; false: the server died before it had answered. */
  sync(timeout: number): Promise<boolean>
}

const limit = 15
const filter = encodeURIComponent(
  JSON.stringify({ room: { timeline: { limit } }, presence: { types: [] }, account_data: { types: [] } }),
)

/** The number in a token of sync. */
export function tokenNumber(token: string): number {
  const number = Number(/^s(\d+)$/.exec(token)?.[1])
  expect(number).toBeGreaterThan(0)
  return number
}

export function syncClient(server: Mortal, account: Account): SyncClient {
  let since = ''
  const timelines = new Map<string, string[]>()
  const marks = new Map<string, number[]>()

  /** What a limited timeline left out, oldest first; undefined: the server died. */
  async function gap(roomId: string, before: string): Promise<TimelineEvent[] | undefined> {
    const found: TimelineEvent[] = []
    for (let from: string | undefined = before; from !== undefined; ) {
      const end: string = since === '' ? '' : `&to=${since}`
      const page = await server.call(
        account.token,
        'GET',
        `/_matrix/client/v3/rooms/${roomId}/messages?dir=b&limit=100&from=${from}${end}`,
      )
      if (!page) return undefined
      expect(page.status).toBe(200)
      found.push(...page.body.chunk)
      from = page.body.end
    }
    return found.reverse()
  }

  async function sync(timeout: number): Promise<boolean> {
    const begin = since === '' ? '' : `&since=${since}`
    const answer = await server.call(account.token, 'GET', `/_matrix/client/v3/sync?timeout=${timeout}&filter=${filter}${begin}`)
    if (!answer) return false
    expect(answer.status).toBe(200)
    const rooms = Object.entries(answer.body.rooms?.join ?? {}) as [string, { timeline: Timeline }][]
    const news = new Map<string, TimelineEvent[]>()
    for (const [roomId, { timeline }] of rooms) {
      const missing = timeline.limited ? await gap(roomId, timeline.prev_batch) : []
      // A client that could not fill the gap asks for the same sync again.
      if (!missing) return false
      news.set(roomId, [...missing, ...timeline.events])
    }
    for (const [roomId, events] of news) {
      const known = timelines.get(roomId) ?? []
      timelines.set(roomId, known)
      known.push(...events.map((event) => event.event_id))
    }
    for (const { sender, content } of (answer.body.to_device?.events ?? []) as TimelineEvent[]) {
      const known = marks.get(sender) ?? []
      marks.set(sender, known)
      known.push(content.mark ?? -1)
    }
    const next = answer.body.next_batch as string
    if (since !== '') expect(tokenNumber(next)).toBeGreaterThanOrEqual(tokenNumber(since))
    since = next
    return true
  }

  return {
    account,
    get since() {
      return since
    },
    timelines,
    marks,
    sync,
  }
}

interface Timeline {
  readonly events: readonly TimelineEvent[]
  readonly limited: boolean
  readonly prev_batch: string
}
