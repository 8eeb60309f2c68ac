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
  const known = new Map<string, { readonly count: number; readonly until: Milliseconds }>()
  return {
    wait: (key) => Math.max(0, (known.get(key)?.until ?? 0) - clock.now()),
    failed(key) {
      // Requests that were under way together fail together: that is one failure.
      if ((known.get(key)?.until ?? 0) > clock.now()) return
      const count = (known.get(key)?.count ?? 0) + 1
      known.delete(key)
      known.set(key, { count, until: clock.now() + delayAfter(count, first, most) })
      if (known.size > maxEntries) known.delete(known.keys().next().value ?? '')
    },
    succeeded: (key) => known.delete(key),
  }
}
