import { expect } from 'vitest'

export interface Session {
  readonly userId: string
  readonly accessToken: string
  readonly deviceId: string
}

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: what matters of it is compared
  readonly body: any
}

/** Somebody with an account on one of the servers, and a simple client. */
export interface Person extends Session {
  readonly url: string
  /** `path` is below `/_matrix/client/v3` unless it begins with `/_matrix`. */
  ask(method: string, path: string, body?: object): Promise<Answer>
  /** The body of an answer that must be 200. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  ok(method: string, path: string, body?: object): Promise<any>
  /** Status and error code of a request that is refused. */
  refused(method: string, path: string, body?: object): Promise<[number, string]>
  /** Resolves with the first truthy answer of `look`, asked again whenever the server has something new for this person. */
  until<Found>(what: string, look: () => Promise<Found | undefined | false>): Promise<Found>
  /** What was last told of typing and receipts in a room, by type of event. */
  ephemeral(roomId: string): ReadonlyMap<string, object>
  /** The room in the section of `/sync` that it was last in. */
  // biome-ignore lint/suspicious/noExplicitAny: what matters of it is compared
  shown(roomId: string): { readonly section: string; readonly room: any } | undefined
}

/** Milliseconds after which nobody waits any longer: a partner that was away is asked again after some seconds. */
const patience = 40_000
/** Not everything that a look sees makes `/sync` answer. */
const longestWait = 500

export function createPerson(url: string, session: Session): Person {
  const ephemeral = new Map<string, Map<string, object>>()
  const shown = new Map<string, { section: string; room: object }>()
  let since: string | undefined

  async function ask(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(url + (path.startsWith('/_matrix') ? path : `/_matrix/client/v3${path}`), {
      method,
      headers: { authorization: `Bearer ${session.accessToken}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }

  async function ok(method: string, path: string, body?: object) {
    const answer = await ask(method, path, body)
    expect(answer.status, `${session.userId} ${method} ${path}: ${JSON.stringify(answer.body)}`).toBe(200)
    return answer.body
  }

  async function sync(timeout: number): Promise<void> {
    const query = new URLSearchParams({ timeout: String(timeout), ...(since !== undefined && { since }) })
    const { next_batch: next, rooms = {} } = await ok('GET', `/sync?${query}`)
    since = next
    for (const [section, inSection] of Object.entries(rooms)) {
      for (const [roomId, room] of Object.entries(inSection as Record<string, { ephemeral?: { events: Told[] } }>)) {
        shown.set(roomId, { section, room })
        const told = ephemeral.get(roomId) ?? new Map<string, object>()
        for (const { type, content } of room.ephemeral?.events ?? []) told.set(type, content)
        ephemeral.set(roomId, told)
      }
    }
  }

  return {
    ...session,
    url,
    ask,
    ok,
    async refused(method, path, body) {
      const answer = await ask(method, path, body)
      return [answer.status, answer.body.errcode]
    },
    async until(what, look) {
      const end = performance.now() + patience
      for (;;) {
        await sync(0)
        const found = await look()
        if (found !== undefined && found !== false) return found
        if (performance.now() > end) throw new Error(`${session.userId} waited in vain for: ${what}`)
        await sync(longestWait)
      }
    },
    ephemeral: (roomId) => ephemeral.get(roomId) ?? new Map(),
    shown: (roomId) => shown.get(roomId),
  }
}

interface Told {
  readonly type: string
  readonly content: object
}
