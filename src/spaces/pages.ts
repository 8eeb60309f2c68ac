import type { RoomId } from '../matrix/identifiers.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import { type Random, randomLetters } from '../platform/random.ts'
import type { Place, Walk } from './walk.ts'

/** A walk that may go on. */
export interface Page extends Walk {
  readonly roomId: RoomId
  readonly place: Place
}

/** Remembers for a while where walks stand. After a restart clients begin anew. */
export interface Pages {
  /** The token of the next page. */
  keep(page: Page): string
  find(token: string): Page | undefined
}

const lasts: Milliseconds = 10 * 60_000
const maxKept = 200
const tokenLength = 24

export function createPages({ clock, random }: { readonly clock: Clock; readonly random: Random }): Pages {
  const kept = new Map<string, { readonly page: Page; readonly until: Milliseconds }>()
  return {
    keep(page) {
      const token = randomLetters(random, tokenLength)
      kept.set(token, { page, until: clock.now() + lasts })
      if (kept.size > maxKept) kept.delete(kept.keys().next().value ?? '')
      return token
    },
    find(token) {
      const found = kept.get(token)
      return found && found.until > clock.now() ? found.page : undefined
    },
  }
}
