export type AtMost = <Result>(task: () => Promise<Result>) => Promise<Result>

/**
 * Runs at most so many tasks at once; the others wait in the order in which they came.
 * `room`: how many may wait, and what a task is refused with beyond that.
 */
export function atMost(running: number, room?: { readonly waiting: number; refusal(): Error }): AtMost {
  let free = running
  const waiting: (() => void)[] = []
  return async (task) => {
    if (free > 0) free -= 1
    else if (room && waiting.length >= room.waiting) throw room.refusal()
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await task()
    } finally {
      // Handed on rather than given back, so that nobody comes in between.
      const next = waiting.shift()
      if (next) next()
      else free += 1
    }
  }
}
