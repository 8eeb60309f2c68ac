export function processFacts(pids: readonly number[]): {
  readonly processes: number
  readonly rssBytes: number
  readonly pssBytes: number
  /** On a machine of its own. */
  readonly aloneBytes: number
  readonly cpuSeconds: number
}
