import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

/** What lay on the disk on one day. */
export interface DiskDay {
  /** Days since the epoch. */
  readonly day: number
  readonly databaseBytes: number
  readonly mediaBytes: number
  /** Of the whole file system. */
  readonly freeBytes: number
}

const dayLength: Milliseconds = 24 * 60 * 60 * 1000
/** Days that are kept. */
const maxDays = 400
/** Days that a forecast looks back, and needs at least. */
const lookBack = 28
const leastDays = 3

const columns = 'day, database_bytes AS databaseBytes, media_bytes AS mediaBytes, free_bytes AS freeBytes'
const put = statement<[DiskDay], never>(
  `INSERT INTO disk_days (day, database_bytes, media_bytes, free_bytes) VALUES (:day, :databaseBytes, :mediaBytes, :freeBytes)
   ON CONFLICT DO UPDATE SET database_bytes = excluded.database_bytes, media_bytes = excluded.media_bytes, free_bytes = excluded.free_bytes`,
)
const trim = statement<[number], never>('DELETE FROM disk_days WHERE day < ?')
const since = statement<[number], DiskDay>(`SELECT ${columns} FROM disk_days WHERE day >= ? ORDER BY day`)

/** Notes the sizes of a day; the last of a day counts. */
export function putDiskDay(tx: Writer, now: Milliseconds, sizes: Omit<DiskDay, 'day'>): void {
  const day = Math.floor(now / dayLength)
  put(tx).run({ day, ...sizes })
  trim(tx).run(day - maxDays)
}

/** The days that count for a forecast, oldest first. */
export function recentDiskDays(reader: Reader, now: Milliseconds): readonly DiskDay[] {
  const today = Math.floor(now / dayLength)
  return since(reader)
    .all(today - lookBack)
    .filter(({ day }) => day <= today)
}

/**
 * Whole days until `available` bytes are used up, if all goes on as in the last weeks; undefined: that is not known yet, or nothing grows.
 * Growth is the middle slope of all pairs of days (Theil and Sen), so that a day on which much came or went does not bend it.
 */
export function forecastDays(days: readonly DiskDay[], available: number): number | undefined {
  const [first] = days
  const last = days.at(-1)
  if (!first || !last || last.day - first.day < leastDays) return undefined
  const slopes = days.flatMap((from, index) => days.slice(index + 1).map((to) => (used(to) - used(from)) / (to.day - from.day)))
  const growth = slopes.toSorted((one, other) => one - other)[Math.floor(slopes.length / 2)] ?? 0
  return growth > 0 ? Math.max(0, Math.floor(available / growth)) : undefined
}

function used({ databaseBytes, mediaBytes }: DiskDay): number {
  return databaseBytes + mediaBytes
}
