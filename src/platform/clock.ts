export type Milliseconds = number

/** The only source of the current time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): Milliseconds
}

export interface Timers {
  /** Calls back once, `delay` from now; the result cancels it. */
  after(delay: Milliseconds, callback: () => void): () => void
}

export const systemClock: Clock = { now: () => Date.now() }

export const systemTimers: Timers = {
  after(delay, callback) {
    const timer = setTimeout(callback, delay)
    return () => clearTimeout(timer)
  },
}
