import type { Clock, Milliseconds, Timers } from '../platform/clock.ts'
import { writeProbe } from '../storage/probe.ts'
import { StorageProblem } from '../storage/problems.ts'
import type { Storage } from '../storage/storage.ts'

/** How long a trivial write may take to become durable. */
const patience: Milliseconds = 2000
/** A write that became durable so recently answers for the disk, however often somebody asks. */
const recent: Milliseconds = 5000

export type Health = { readonly status: 'ok' } | { readonly status: 'failing'; readonly problem: string }

export interface HealthDeps {
  readonly storage: Storage
  readonly clock: Clock
  readonly timers: Timers
}

/** Whether the server can do what it is for: take something in and keep it. Answers within `patience`. */
export function createHealth({ storage, clock, timers }: HealthDeps): () => Promise<Health> {
  let durableAt = Number.NEGATIVE_INFINITY
  let probing: Promise<Health> | undefined

  async function probe(): Promise<Health> {
    try {
      await storage.write((tx) => writeProbe(tx, clock.now()))
      durableAt = clock.now()
      return { status: 'ok' }
    } catch (error) {
      if (!(error instanceof StorageProblem)) throw error
      return { status: 'failing', problem: error.kind }
    } finally {
      probing = undefined
    }
  }

  return () => {
    const age = clock.now() - durableAt
    // A clock that was set back says nothing about the disk.
    if (age >= 0 && age < recent) return Promise.resolve({ status: 'ok' })
    probing ??= probe()
    return within(probing, timers)
  }
}

function within(probing: Promise<Health>, timers: Timers): Promise<Health> {
  return new Promise((resolve, reject) => {
    const cancel = timers.after(patience, () => resolve({ status: 'failing', problem: 'slow' }))
    probing.then(resolve, reject).finally(cancel)
  })
}
