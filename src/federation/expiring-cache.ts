import type { Clock, Milliseconds } from '../platform/clock.ts'

export interface Lasting<Value> {
  readonly value: Value
  readonly lasts: Milliseconds
}

/** Keeps what took long to find; those who ask for the same thing meanwhile wait for the same search. */
export interface ExpiringCache<Value> {
  /** `before`: what was found the last time, if that is still known. */
  get(key: string, find: (before: Value | undefined) => Promise<Lasting<Value>>): Promise<Value>
}

/** `maxEntries`: the oldest goes first. */
export function createExpiringCache<Value>(clock: Clock, maxEntries: number): ExpiringCache<Value> {
  const entries = new Map<string, { readonly value: Value; readonly until: Milliseconds }>()
  const searches = new Map<string, Promise<Value>>()

  async function search(key: string, find: (before: Value | undefined) => Promise<Lasting<Value>>): Promise<Value> {
    try {
      const { value, lasts } = await find(entries.get(key)?.value)
      entries.delete(key)
      if (lasts > 0) entries.set(key, { value, until: clock.now() + lasts })
      if (entries.size > maxEntries) entries.delete(entries.keys().next().value ?? '')
      return value
    } finally {
      searches.delete(key)
    }
  }

  return {
    async get(key, find) {
      const entry = entries.get(key)
      if (entry && entry.until > clock.now()) return entry.value
      const running = searches.get(key)
      if (running) return running
      const started = search(key, find)
      searches.set(key, started)
      return started
    },
  }
}
