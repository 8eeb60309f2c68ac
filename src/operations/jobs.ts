import { schedule } from 'node-cron'
import type { Log } from '../platform/log.ts'

/** Work that is done now and then, at night where it can be. */
export interface Job {
  readonly name: string
  /** In cron's five fields, local time. */
  readonly when: string
  run(): Promise<unknown>
}

/** Begins the rounds of `jobs`; the result ends them. A job that fails is logged and tried again at its next time. */
export function startJobs(jobs: readonly Job[], log: Log): () => Promise<void> {
  const tasks = jobs.map((job) => schedule(job.when, () => runJob(job, log), { name: job.name, noOverlap: true }))
  return async () => {
    for (const task of tasks) await task.destroy()
  }
}

export async function runJob(job: Job, log: Log): Promise<void> {
  try {
    log.info({ job: job.name, result: await job.run() }, 'job done')
  } catch (error) {
    log.error({ job: job.name, err: error }, 'job failed')
  }
}
