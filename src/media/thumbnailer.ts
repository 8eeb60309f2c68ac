import { type ChildProcess, fork } from 'node:child_process'
import type { Milliseconds, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { ThumbnailJob, ThumbnailResult } from './thumbnail-process.ts'

/** Longer than any honest image takes on a small computer. */
const maxDuration: Milliseconds = 10_000
/** After its last image the process ends and gives its memory back. */
const idleDuration: Milliseconds = 30_000
/** Jobs that wait their turn. */
const maxWaiting = 32

type ThumbnailOutcome = ThumbnailResult | { readonly kind: 'too-slow' } | { readonly kind: 'crashed' } | { readonly kind: 'busy' }

/** Makes thumbnails one at a time in a process of its own, which is started when it is needed. */
export interface Thumbnailer {
  make(job: ThumbnailJob): Promise<ThumbnailOutcome>
  /** Ends the process; what waits is answered with `busy`. */
  close(): void
}

interface Waiting {
  readonly job: ThumbnailJob
  finish(outcome: ThumbnailOutcome): void
}

export function createThumbnailer({ timers, log }: { readonly timers: Timers; readonly log: Log }): Thumbnailer {
  const waiting: Waiting[] = []
  let child: ChildProcess | undefined
  let running: Waiting | undefined
  let cancelTimer: () => void = () => undefined
  let closed = false

  function start(): ChildProcess {
    const started = fork(new URL('./thumbnail-process.ts', import.meta.url), {
      // Nothing of this process's environment, which may hold secrets.
      env: { VIPS_BLOCK_UNTRUSTED: '1', MALLOC_ARENA_MAX: '2' },
      execArgv: ['--max-old-space-size=64'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    // A process that was given up may still speak: it is not listened to.
    started.on('message', (result: ThumbnailResult) => started === child && finish(result))
    started.on('error', (err) => ended(started, 'busy', { err }))
    started.on('exit', (code, signal) => ended(started, 'crashed', { code, signal }))
    return started
  }

  function ended(process: ChildProcess, kind: 'busy' | 'crashed', reason: object): void {
    if (process !== child) return
    child = undefined
    if (!running) return
    log.warn(reason, 'the thumbnail process ended in the middle of its work')
    finish({ kind })
  }

  function stop(): void {
    const process = child
    child = undefined
    process?.kill('SIGKILL')
  }

  function finish(outcome: ThumbnailOutcome): void {
    cancelTimer()
    const done = running
    running = undefined
    done?.finish(outcome)
    next()
  }

  function next(): void {
    if (running || closed) return
    running = waiting.shift()
    if (!running) {
      if (child) cancelTimer = timers.after(idleDuration, stop)
      return
    }
    cancelTimer()
    cancelTimer = timers.after(maxDuration, () => {
      stop()
      finish({ kind: 'too-slow' })
    })
    child ??= start()
    child.send(running.job)
  }

  return {
    make(job) {
      if (closed || waiting.length >= maxWaiting) return Promise.resolve({ kind: 'busy' })
      return new Promise((finish) => {
        waiting.push({ job, finish })
        next()
      })
    },
    close() {
      closed = true
      cancelTimer()
      stop()
      for (const { finish } of [...(running ? [running] : []), ...waiting.splice(0)]) finish({ kind: 'busy' })
      running = undefined
    },
  }
}
