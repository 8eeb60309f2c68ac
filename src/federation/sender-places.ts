import type { Milliseconds, Timers } from '../platform/clock.ts'

/** Runs tasks when there is a place for them, in the order in which they came. */
export type Places = <Result>(task: () => Promise<Result>) => Promise<Result>

export interface PlacesOptions {
  readonly timers: Timers
  /** Tasks that hold a place at once. */
  readonly atOnce: number
  /** After this time a task gives its place to the next one and goes on beside it. */
  readonly patience?: Milliseconds
  /** Tasks at once, with those that gave their place away. */
  readonly most?: number
}

/** Bounds what goes on at once without letting those that are slow hold up the others. */
export function createPlaces({ timers, atOnce, patience, most = atOnce }: PlacesOptions): Places {
  const waiting: (() => void)[] = []
  let held = 0
  let running = 0

  function admit(): void {
    while (held < atOnce && running < most) {
      const next = waiting.shift()
      if (!next) return
      held += 1
      running += 1
      next()
    }
  }

  return async (task) => {
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
      admit()
    })
    let holds = true
    const leave = () => {
      if (holds) held -= 1
      holds = false
      admit()
    }
    const stop = patience === undefined ? undefined : timers.after(patience, leave)
    try {
      return await task()
    } finally {
      stop?.()
      running -= 1
      leave()
    }
  }
}
