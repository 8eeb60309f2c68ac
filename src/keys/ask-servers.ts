import type { ServerName } from '../matrix/identifiers.ts'
import { atMost } from '../platform/at-most.ts'
import type { Clock, Milliseconds, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Failures } from './recipients.ts'

/**
 * Asks several servers at the same time and waits for them no longer than `timeout`. `ask` gets the time that is left and answers what went
 * wrong, if anything did.
 */
export type AskServers = <Wish>(
  wishes: readonly (readonly [server: ServerName, wish: Wish])[],
  timeout: Milliseconds,
  ask: (wish: readonly [server: ServerName, wish: Wish], remaining: Milliseconds) => Promise<string | undefined>,
) => Promise<Failures>

/** Servers asked at once on behalf of all clients: each answer can have a megabyte and more. */
const parallel = 40
/** Least and most that a client can make of `timeout`. */
const least: Milliseconds = 1000
const most: Milliseconds = 30_000

export function createAskServers({ clock, timers, log }: { clock: Clock; timers: Timers; log: Log }): AskServers {
  const inTurn = atMost(parallel)
  return async (wishes, timeout, ask) => {
    const end = clock.now() + Math.min(Math.max(timeout, least), most)
    const failures = new Map<ServerName, string>(wishes.map(([server]) => [server, 'It did not answer in time']))
    const asked = wishes.map((wish) =>
      inTurn(async () => {
        const remaining = end - clock.now()
        if (remaining <= 0) return
        const problem = await ask(wish, remaining)
        if (problem === undefined) failures.delete(wish[0])
        else failures.set(wish[0], 'It gave no answer that can be used')
        if (problem !== undefined) log.info({ server: wish[0], problem }, 'a server was asked for keys in vain')
      }),
    )
    await within(timers, end - clock.now(), Promise.all(asked))
    // What comes later is too late to be told.
    return new Map(failures)
  }
}

async function within(timers: Timers, time: Milliseconds, task: Promise<unknown>): Promise<void> {
  let cancel = () => {}
  const late = new Promise<void>((resolve) => {
    cancel = timers.after(time, resolve)
  })
  try {
    await Promise.race([task, late])
  } finally {
    cancel()
  }
}
