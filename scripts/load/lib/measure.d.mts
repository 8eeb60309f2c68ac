import type { Answer } from './http.mjs'
import type { Target } from './target.mjs'

/** One kind of work, as load.mjs writes it into its report. */
export interface LoadResult {
  readonly label: string
  readonly n: number
  /** Successes per second. */
  readonly rate: number
  /** Milliseconds. */
  readonly ms: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number }
  readonly errors: number
  readonly failures: Readonly<Record<string, number>>
}

interface Loop {
  readonly lanes?: number
  readonly count?: number
  readonly seconds?: number
  readonly warmUp?: number
  work(lane: number, index: number): Promise<Answer>
}

export function closedLoop(target: Target, label: string, loop: Loop): Promise<LoadResult>

/** With at most `width` promises under way; any failure fails the whole. */
export function mapWide<Item, Result>(
  items: readonly Item[],
  width: number,
  map: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]>

/** Starts one promise for each item, `perSecond` a second, and does not wait for them. */
export function paced<Item, Result>(
  items: readonly Item[],
  perSecond: number,
  start: (item: Item, index: number) => Promise<Result>,
): Promise<Promise<Result>[]>
