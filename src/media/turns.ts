/** Lets only so many things happen at once, for one key and in all; the others wait their turn. */
export interface Turns {
  /** Resolves with what ends the turn. Undefined: too many wait already. */
  take(key: string): Promise<() => void> | undefined
}

export interface TurnLimits {
  readonly each: number
  readonly all: number
  readonly waiting: number
}

interface Waiting {
  readonly key: string
  begin(): void
}

export function createTurns({ each, all, waiting: maxWaiting }: TurnLimits): Turns {
  const running = new Map<string, number>()
  const waiting: Waiting[] = []
  let total = 0

  const count = (key: string) => running.get(key) ?? 0
  const free = (key: string) => total < all && count(key) < each

  function begin(key: string): () => void {
    total += 1
    running.set(key, count(key) + 1)
    let over = false
    return () => {
      if (over) return
      over = true
      total -= 1
      if (count(key) === 1) running.delete(key)
      else running.set(key, count(key) - 1)
      next()
    }
  }

  function next(): void {
    const index = waiting.findIndex(({ key }) => free(key))
    if (index !== -1) waiting.splice(index, 1)[0]?.begin()
  }

  return {
    take(key) {
      if (free(key)) return Promise.resolve(begin(key))
      if (waiting.length >= maxWaiting) return undefined
      return new Promise((resolve) => waiting.push({ key, begin: () => resolve(begin(key)) }))
    },
  }
}
