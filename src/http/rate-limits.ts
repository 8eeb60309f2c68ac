import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { RateLimit } from './endpoint.ts'

/** Buckets kept; the one that was not used for longest goes first (it is full again anyway, as a rule). */
const maxBuckets = 10_000

export interface RateLimits {
  /** Takes one from the bucket of `limit` for `who`. Answers 0, or how long until one is there again. */
  take(limit: RateLimit, who: string): Milliseconds
}

interface Bucket {
  level: number
  at: Milliseconds
}

export function createRateLimits(clock: Clock): RateLimits {
  const buckets = new Map<string, Bucket>()
  return {
    take(limit, who) {
      const key = `${limit.name} ${who}`
      const now = clock.now()
      const bucket = buckets.get(key) ?? { level: limit.burst, at: now }
      buckets.delete(key)
      buckets.set(key, bucket)
      if (buckets.size > maxBuckets)
        for (const oldest of buckets.keys()) {
          buckets.delete(oldest)
          break
        }
      // A clock that was set back must not lock anybody out.
      const passed = Math.max(0, now - bucket.at) / 1000
      bucket.level = Math.min(limit.burst, bucket.level + passed * limit.perSecond)
      bucket.at = now
      if (bucket.level < 1) return ((1 - bucket.level) / limit.perSecond) * 1000
      bucket.level -= 1
      return 0
    },
  }
}

export const noRateLimits: RateLimits = { take: () => 0 }
