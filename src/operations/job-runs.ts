import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement, type Writer } from '../storage/handles.ts'

/** One run of a job, as it is kept. */
export interface JobRun {
  readonly name: string
  /** Since the epoch. */
  readonly startedAt: Milliseconds
  /** Null: it runs, or the process ended before it did. */
  readonly duration: Milliseconds | null
  readonly result: 'running' | 'done' | 'failed' | 'interrupted'
  /** What it found, or `{ kind?, problem }` of what failed. */
  readonly detail: unknown
}

/** Kept of each job. */
const maxRuns = 60

interface Row extends Omit<JobRun, 'detail'> {
  readonly detail: string
}

const columns = 'name, started_at AS startedAt, duration, result, detail'
const latest = statement<[string], Row>(`SELECT ${columns} FROM job_runs WHERE name = ? ORDER BY started_at DESC LIMIT 1`)
const latestDone = statement<[string], Row>(
  `SELECT ${columns} FROM job_runs WHERE name = ? AND result = 'done' ORDER BY started_at DESC LIMIT 1`,
)
const recent = statement<[string, number], Row>(`SELECT ${columns} FROM job_runs WHERE name = ? ORDER BY started_at DESC LIMIT ?`)
const newest = statement<[string], Milliseconds>('SELECT max(started_at) FROM job_runs WHERE name = ?', 'pluck')
const insert = statement<[string, Milliseconds], never>(
  `INSERT INTO job_runs (name, started_at, duration, result, detail) VALUES (?, ?, NULL, 'running', 'null')`,
)
const finish = statement<[Milliseconds, string, string, string, Milliseconds], never>(
  'UPDATE job_runs SET duration = ?, result = ?, detail = ? WHERE name = ? AND started_at = ?',
)
const interrupt = statement<[], never>(`UPDATE job_runs SET result = 'interrupted' WHERE result = 'running'`)
/** The last success outlives the failures after it. */
const trim = statement<[string, string, number, string], never>(
  `DELETE FROM job_runs WHERE name = ?
     AND started_at < (SELECT started_at FROM job_runs WHERE name = ? ORDER BY started_at DESC LIMIT 1 OFFSET ?)
     AND started_at <> ifnull((SELECT max(started_at) FROM job_runs WHERE name = ? AND result = 'done'), 0)`,
)

/** The latest run of a job, whatever became of it; undefined: it never ran. */
export function lastRun(reader: Reader, name: string): JobRun | undefined {
  return fromRow(latest(reader).get(name))
}

/** The latest run that ended well. */
export function lastSuccess(reader: Reader, name: string): JobRun | undefined {
  return fromRow(latestDone(reader).get(name))
}

/** Newest first. */
export function recentRuns(reader: Reader, name: string, limit = maxRuns): readonly JobRun[] {
  return recent(reader)
    .all(name, limit)
    .map((row) => fromRow(row) as JobRun)
}

const newestOfAll = statement<[], Milliseconds | null>('SELECT max(started_at) FROM job_runs', 'pluck')

/** The latest moment at which a job is known to have begun. */
export function lastBeginning(reader: Reader): Milliseconds | undefined {
  return newestOfAll(reader).get() ?? undefined
}

/** @returns the start under which it is kept: a little later than `now` if the clock was set back meanwhile */
export function beginRun(tx: Writer, name: string, now: Milliseconds): Milliseconds {
  const startedAt = Math.max(now, (newest(tx).get(name) ?? 0) + 1)
  insert(tx).run(name, startedAt)
  trim(tx).run(name, name, maxRuns - 1, name)
  return startedAt
}

export function endRun(tx: Writer, run: JobRun & { readonly duration: Milliseconds }): void {
  finish(tx).run(run.duration, run.result, JSON.stringify(run.detail ?? null), run.name, run.startedAt)
}

/** At the start of the process: what seems to run was cut off by the end of the one before. */
export function interruptRuns(tx: Writer): void {
  interrupt(tx).run()
}

function fromRow(row: Row | undefined): JobRun | undefined {
  return row && { ...row, detail: JSON.parse(row.detail) as unknown }
}
