import type { Clock, Milliseconds } from '../platform/clock.ts'

/** Remembers who failed, so that they are left alone for a while: longer after each failure. */
export interface BackOff {
  /** How long `key` is still to be left alone; 0: not at all. */
  wait(key: string): Milliseconds
  failed(key: string): void
  succeeded(key: string): void
}

const maxEntries = 10_000

/** Doubles from `first` to `most`. */
export function delayAfter(failures: number, first: Milliseconds, most: Milliseconds): Milliseconds {
  return Math.min(most, first * 2 ** (failures - 1))
}

export function createBackOff(clock: Clock, first: Milliseconds, most: Milliseconds): BackOff {
  const failures = new Map<string, { readonly count: number; readonly until: Milliseconds }>()
  return {
    wait: (key) => Math.max(0, (failures.get(key)?.until ?? 0) - clock.now()),
    failed(key) {
      // Requests that were under way together fail together: that is one failure.
      if ((failures.get(key)?.until ?? 0) > clock.now()) return
      const count = (failures.get(key)?.count ?? 0) + 1
      failures.delete(key)
      failures.set(key, { count, until: clock.now() + delayAfter(count, first, most) })
      if (failures.size > maxEntries) failures.delete(failures.keys().next().value ?? '')
    },
    succeeded: (key) => failures.delete(key),
  }
}
