/** Nearest-rank percentiles. */
export function percentiles(values: readonly number[]): {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}
export function median(values: readonly (number | undefined)[]): number
