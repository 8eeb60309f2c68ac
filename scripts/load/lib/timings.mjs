// Latencies and failures of one kind of work.

export function createTimings() {
  const latencies = []
  const failures = {}
  return {
    add: (ms) => latencies.push(ms),
    fail(reason) {
      failures[reason] = (failures[reason] ?? 0) + 1
    },
    /** Counts an answer: 200 with its latency, anything else as a failure with the Matrix error code. */
    record(answer, ms = answer.ended - answer.began) {
      if (answer.status === 200) latencies.push(ms)
      else this.fail(`${answer.status} ${/"errcode"\s*:\s*"(\w+)"/.exec(answer.body)?.[1] ?? ''}`.trim())
    },
    latencies,
    summary: (seconds) => ({
      n: latencies.length,
      seconds,
      rate: latencies.length / seconds,
      ms: percentiles(latencies),
      errors: Object.values(failures).reduce((sum, count) => sum + count, 0),
      failures,
    }),
  }
}

/** Nearest-rank percentiles. */
export function percentiles(values) {
  const sorted = Float64Array.from(values).sort()
  const at = (share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: sorted.at(-1) }
}

export const median = (values) => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
