import type { Clock, Milliseconds, Timers } from '../../src/platform/clock.ts'

/** A clock that stands still until a test moves it; its timers go off in order while it moves. */
export interface HandMovedClock extends Clock, Timers {
  /** Moves on and lets the timers on the way go off, each followed by what it set in motion. */
  advance(by: Milliseconds): Promise<void>
}

export function handMovedClock(start: Milliseconds = Date.UTC(2026, 0, 5, 8)): HandMovedClock {
  let now = start
  let timers: { readonly at: Milliseconds; readonly callback: () => void }[] = []
  return {
    now: () => now,
    after(delay, callback) {
      const timer = { at: now + Math.max(0, delay), callback }
      timers.push(timer)
      return () => {
        timers = timers.filter((other) => other !== timer)
      }
    },
    async advance(by) {
      const end = now + by
      for (;;) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        timers = timers.filter((timer) => timer !== next)
        now = next.at
        next.callback()
        await new Promise((resolve) => setImmediate(resolve))
      }
      now = end
    },
  }
}
