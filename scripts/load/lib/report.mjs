// Results as lines while they come, and as a comparison at the end.

import { median } from './timings.mjs'

const significant = (value) => (!Number.isFinite(value) ? '-' : value >= 100 ? value.toFixed(0) : value.toPrecision(3))
const percent = (cores) => `${Math.round(cores * 100)}%`
const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MB`

/** What a result says beyond its latencies. */
const remarks = {
  lost: (count) => count > 0 && `LOST ${count}`,
  twice: (count) => count > 0 && `HANDED OUT TWICE ${count}`,
  readBack: (text) => `read back ${text}`,
  first: (ms) => `first ${significant(ms)}`,
  middle: (ms) => `middle ${significant(ms)}`,
  answered: (ms) => `sender answered ${significant(ms)}`,
  early: (value, { late }) =>
    late === undefined ? value > 0 && `${value} ended early` : `early ${significant(value)} late ${significant(late)} ms`,
  bytesPerClient: (bytes) => Number.isFinite(bytes) && `${significant(bytes / 1024)} kB each`,
  bytesPerJoin: (bytes) => bytes && `${significant(bytes)} B/join`,
  bytes: (count) => `${significant(count / 1024)} kB`,
  offered: (rate) => `offered ${rate}/s`,
  unit: (text) => `(${text})`,
  cpuSecondsPer1000: (seconds) => Number.isFinite(seconds) && `cpu ${significant(seconds)} s/1000`,
  serverCores: (cores) => `server ${percent(cores)}`,
  generatorCores: (cores) => `generator ${percent(cores)}${cores > 0.7 ? ' (!)' : ''}`,
  otherCores: (cores) => cores > 0.1 && `others ${percent(cores)}`,
  memory: ({ after }) => `memory ${megabytes(after)}`,
  database: ({ grown, bytesPer1000 }) => grown > 100_000 && `disk ${significant(bytesPer1000 / 1024)} kB/1000`,
}

/** One line for one result. */
export function line({ target, round, label, error, ...result }) {
  const start = `${target.padEnd(16)} ${round}  ${label.padEnd(31)}`
  if (error) return `${start} FAILED: ${error}`
  const {
    n,
    rate,
    ms: { p50, p95, p99, max },
    errors,
    failures,
  } = result
  const figures = `n ${String(n).padStart(5)}  ${significant(rate).padStart(6)}/s  p50 ${significant(p50)}  p95 ${significant(p95)}  p99 ${significant(p99)}  max ${significant(max)} ms  errors ${errors}`
  const said = Object.entries(remarks)
    .filter(([key]) => result[key] !== undefined)
    .map(([key, say]) => say(result[key], result))
    .filter(Boolean)
  return `${start} ${figures}  ${[...said, ...(errors ? [JSON.stringify(failures)] : [])].join('  ')}`
}

/** The median of each figure over the rounds, by label and target. */
export function medians(results) {
  const figures = {
    rate: (result) => result.rate,
    p50: (result) => result.ms.p50,
    p95: (result) => result.ms.p95,
    p99: (result) => result.ms.p99,
    max: (result) => result.ms.max,
    cpuSecondsPer1000: (result) => result.cpuSecondsPer1000,
    memoryBytes: (result) => result.memory?.after,
    databaseBytesPer1000: (result) => result.database?.bytesPer1000,
    first: (result) => result.first,
    middle: (result) => result.middle,
    early: (result) => result.early,
    late: (result) => result.late,
    bytesPerJoin: (result) => result.bytesPerJoin,
    bytesPerClient: (result) => result.bytesPerClient,
    generatorCores: (result) => result.generatorCores,
    otherCores: (result) => result.otherCores,
  }
  const table = {}
  for (const result of results.filter(({ error }) => !error)) {
    table[result.label] ??= {}
    table[result.label][result.target] ??= []
    table[result.label][result.target].push(result)
  }
  return mapValues(table, (byTarget) =>
    mapValues(byTarget, (rounds) => ({
      rounds: rounds.length,
      errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
      ...Object.fromEntries(
        Object.entries(figures).flatMap(([name, figure]) => {
          const value = median(rounds.map(figure))
          return Number.isFinite(value) ? [[name, value]] : []
        }),
      ),
    })),
  )
}

/** Markdown: rate and p50 of each target, and each target's ratios to the first one. */
export function comparison(table, [first, ...others]) {
  const head = [
    'what',
    `${first}: rate/s`,
    'p50 ms',
    'p99 ms',
    ...others.flatMap((name) => [`${name}: rate/s`, 'p50 ms', 'p99 ms', 'rate ratio', 'p50 ratio']),
  ]
  const rows = Object.entries(table).map(([label, byTarget]) => {
    const cells = (name) => ['rate', 'p50', 'p99'].map((figure) => significant(byTarget[name]?.[figure]))
    const ratio = (name, figure) => significant(byTarget[name]?.[figure] / byTarget[first]?.[figure])
    return [label, ...cells(first), ...others.flatMap((name) => [...cells(name), ratio(name, 'rate'), ratio(name, 'p50')])]
  })
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

const mapValues = (object, map) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]))
