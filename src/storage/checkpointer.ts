import { Worker } from 'node:worker_threads'
import type { Milliseconds, Timers } from '../platform/clock.ts'

/** How long after a write the log's pages are moved into the database. */
const delay: Milliseconds = 1000
/** Pages of 4 KiB in the log beyond which it should begin anew. */
const defaultRestartPages = 4096

/**
 * Moves pages from the write-ahead log into the database on a thread of its own: a checkpoint waits for the disk, the event loop must not.
 * The log can only begin anew at a moment that the storage chooses (`restartDue`), when nothing is open.
 */
export interface Checkpointer {
  wrote(): void
  readonly restartDue: boolean
  restarted(): void
  close(): Promise<void>
}

export interface CheckpointResult {
  readonly logPages: number
}

export function createCheckpointer(file: string, timers: Timers, restartPages = defaultRestartPages): Checkpointer {
  let worker: Worker | undefined
  let cancel: (() => void) | undefined
  let busy = false
  let restartDue = false

  function start(): Worker {
    const started = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), {
      workerData: file,
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4 },
    })
    started.unref()
    started.on('message', (result: CheckpointResult) => {
      busy = false
      restartDue = result.logPages > restartPages
    })
    // Without the thread the log is still moved whenever the storage restarts it.
    started.on('error', () => {
      busy = false
      worker = undefined
      restartDue = true
    })
    return started
  }

  return {
    wrote() {
      if (busy || cancel) return
      cancel = timers.after(delay, () => {
        cancel = undefined
        busy = true
        worker ??= start()
        worker.postMessage('checkpoint')
      })
    },
    get restartDue() {
      return restartDue
    },
    restarted() {
      restartDue = false
    },
    async close() {
      cancel?.()
      await worker?.terminate()
    },
  }
}
