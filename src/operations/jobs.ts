import { schedule } from 'node-cron'
import type { Clock, Milliseconds, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Storage } from '../storage/storage.ts'
import { beginRun, endRun, type JobRun, lastRun, lastSuccess } from './job-runs.ts'

/** Work that is done now and then, at night where it can be. */
export interface Job {
  readonly name: string
  /** In cron's five fields, local time. */
  readonly when: string
  /** Resolves with what is kept of it: numbers and ids, never contents. `signal`: the server stops. */
  run(signal: AbortSignal): Promise<unknown>
  /** False at its time: there is nothing to do, and nothing is kept of it. */
  due?(): boolean
  /** It also runs once when the server starts. */
  readonly atStart?: boolean
  /** It runs too often to be in the log each time. */
  readonly quiet?: boolean
}

/** What anybody can see of a job. */
export interface JobState {
  readonly name: string
  readonly when: string
  /** False: at its next time it would have nothing to do. */
  readonly due: boolean
  /** Undefined: never ran. */
  readonly last: JobRun | undefined
  readonly lastSuccess: JobRun | undefined
}

export interface Jobs {
  /** Begins the rounds. A job that fails is logged and tried again at its next time. */
  start(): void
  /** Runs a job now, or joins the run under way. Undefined: there is no such job. */
  run(name: string): Promise<JobRun> | undefined
  states(): readonly JobState[]
  /** Ends the rounds, asks what runs to end, and waits for it, but not for long. */
  stop(): Promise<void>
}

export interface JobsDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Log
}

/** What a job has to end tidily when the server stops. */
const grace: Milliseconds = 6000

export function createJobs(jobs: readonly Job[], { storage, clock, timers, log }: JobsDeps): Jobs {
  const running = new Map<string, Promise<JobRun>>()
  const stopping = new AbortController()
  let tasks: ReturnType<typeof schedule>[] = []

  async function carryOut(job: Job): Promise<JobRun> {
    const begun = clock.now()
    const { name } = job
    const startedAt = await storage.write((tx) => beginRun(tx, name, begun))
    const ended = await outcome(job, stopping.signal, timers, log)
    const run = { name, startedAt, duration: Math.max(0, clock.now() - begun), ...ended }
    await storage.write((tx) => endRun(tx, run))
    return run
  }

  function run(job: Job): Promise<JobRun> {
    const before = running.get(job.name)
    if (before) return before
    const begun = carryOut(job).finally(() => running.delete(job.name))
    running.set(job.name, begun)
    return begun
  }

  return {
    start() {
      // The disk may be what fails: then only the log can say so.
      const atItsTime = (job: Job) => () => {
        if (job.due?.() !== false) run(job).catch((err: unknown) => log.error({ job: job.name, err }, 'job not recorded'))
      }
      tasks = jobs.map((job) => schedule(job.when, atItsTime(job), { name: job.name, noOverlap: true }))
      for (const job of jobs) if (job.atStart) atItsTime(job)()
    },
    run(name) {
      const job = jobs.find((candidate) => candidate.name === name)
      return job && run(job)
    },
    states: () =>
      jobs.map(({ name, when, due }) => ({
        name,
        when,
        due: due?.() !== false,
        last: lastRun(storage.reader, name),
        lastSuccess: lastSuccess(storage.reader, name),
      })),
    async stop() {
      stopping.abort()
      for (const task of tasks) await task.destroy()
      await Promise.allSettled(running.values())
    },
  }
}

async function outcome(job: Job, signal: AbortSignal, timers: Timers, log: Log): Promise<Pick<JobRun, 'result' | 'detail'>> {
  try {
    const detail = await inTime(job, signal, timers)
    log[job.quiet ? 'debug' : 'info']({ job: job.name, result: detail }, 'job done')
    return { result: 'done', detail: detail ?? null }
  } catch (error) {
    if (signal.aborted) return { result: 'interrupted', detail: null }
    log.error({ job: job.name, err: error }, 'job failed')
    const { kind, message } = error as { kind?: unknown; message?: unknown }
    return { result: 'failed', detail: { ...(typeof kind === 'string' && { kind }), problem: String(message ?? error) } }
  }
}

/** The result of a job, unless that comes later than a while after the signal. */
async function inTime(job: Job, signal: AbortSignal, timers: Timers): Promise<unknown> {
  let giveUp: () => void = () => undefined
  const tooLong = new Promise<never>((_, reject) => {
    giveUp = () => timers.after(grace, () => reject(new Error('it did not end in time')))
  })
  signal.addEventListener('abort', giveUp)
  try {
    return await Promise.race([job.run(signal), tooLong])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}
