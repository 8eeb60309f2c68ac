/** Runs actions with the same key one after the other; those with different keys do not wait for each other. */
export type KeyedLock = <Result>(key: string, action: () => Promise<Result>) => Promise<Result>

export function createKeyedLock(): KeyedLock {
  const last = new Map<string, Promise<unknown>>()
  return async (key, action) => {
    const before = last.get(key)
    const turn = Promise.withResolvers<void>()
    last.set(key, turn.promise)
    try {
      await before
      return await action()
    } finally {
      turn.resolve()
      if (last.get(key) === turn.promise) last.delete(key)
    }
  }
}
