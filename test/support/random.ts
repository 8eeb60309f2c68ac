import { createHash } from 'node:crypto'
import type { Random } from '../../src/platform/random.ts'

/** The same bytes in every run for the same seed. */
export function seededRandom(seed: string): Random {
  let block = 0
  return {
    bytes(length) {
      const parts: Buffer[] = []
      for (let filled = 0; filled < length; filled += 32) parts.push(createHash('sha256').update(`${seed} ${block++}`).digest())
      return Buffer.concat(parts).subarray(0, length)
    },
  }
}
