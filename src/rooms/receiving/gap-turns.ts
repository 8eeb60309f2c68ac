import type { Milliseconds, Timers } from '../../platform/clock.ts'

/** How long a task waits for the one before it. */
const patience: Milliseconds = 10_000

/**
 * Runs the tasks of one room one after the other, so that a gap that many servers show is filled once; but a server that is slow to answer
 * holds up the others for so long only.
 */
export function createGapTurns(timers: Timers): <Result>(room: number, task: () => Promise<Result>) => Promise<Result> {
  const latest = new Map<number, Promise<unknown>>()
  return async (room, task) => {
    const before = latest.get(room)
    const result = before ? waitFor(timers, before).then(task) : task()
    const ended = result
      .catch(() => undefined)
      .finally(() => {
        if (latest.get(room) === ended) latest.delete(room)
      })
    latest.set(room, ended)
    return result
  }
}

async function waitFor(timers: Timers, before: Promise<unknown>): Promise<void> {
  let stop: (() => void) | undefined
  const enough = new Promise<void>((resolve) => {
    stop = timers.after(patience, resolve)
  })
  await Promise.race([before, enough])
  stop?.()
}
