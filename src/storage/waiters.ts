import type { Milliseconds, Timers } from '../platform/clock.ts'
import type { WakeKey } from './handles.ts'

/**
 * Who waits for what. A wake-up says that something changed, never what: the woken read the tables again,
 * so that one missed or doubled wake-up cannot lose or double data.
 */
export interface Waiters {
  /** Resolves when one of `keys` is woken, at the time limit, or when `signal` aborts. Register in the same synchronous block as the read that found nothing. */
  wait(keys: Iterable<WakeKey>, limit: Milliseconds, signal: AbortSignal | undefined): Promise<'woken' | 'time' | 'aborted'>
  wake(keys: Iterable<WakeKey>): void
  /** Ends every wait now and lets none begin: the process stops. */
  close(): void
  readonly count: number
}

/** Woken in one turn of the event loop: with hundreds at once the first would wait for the last, and everybody else for all of them. */
const perTurn = 16

interface Waiter {
  readonly keys: readonly WakeKey[]
  end(reason: 'woken' | 'time' | 'aborted'): void
}

export function createWaiters(timers: Timers): Waiters {
  const byKey = new Map<WakeKey, Set<Waiter>>()
  const all = new Set<Waiter>()
  let closed = false

  function enrol(waiter: Waiter): void {
    all.add(waiter)
    for (const key of waiter.keys) {
      const others = byKey.get(key)
      if (others) others.add(waiter)
      else byKey.set(key, new Set([waiter]))
    }
  }

  function dismiss(waiter: Waiter): void {
    all.delete(waiter)
    for (const key of waiter.keys) {
      const others = byKey.get(key)
      if (others?.delete(waiter) && others.size === 0) byKey.delete(key)
    }
  }

  function endInTurns(woken: readonly Waiter[]): void {
    for (const waiter of woken.slice(0, perTurn)) waiter.end('woken')
    if (woken.length > perTurn) setImmediate(() => endInTurns(woken.slice(perTurn)))
  }

  return {
    wait(keys, limit, signal) {
      if (closed) return Promise.resolve('time')
      if (signal?.aborted) return Promise.resolve('aborted')
      return new Promise((resolve) => {
        const abort = () => waiter.end('aborted')
        const cancel = timers.after(limit, () => waiter.end('time'))
        const waiter: Waiter = {
          keys: [...keys],
          end(reason) {
            dismiss(waiter)
            cancel()
            signal?.removeEventListener('abort', abort)
            resolve(reason)
          },
        }
        signal?.addEventListener('abort', abort, { once: true })
        enrol(waiter)
      })
    },
    wake(keys) {
      const woken = new Set<Waiter>()
      for (const key of keys) for (const waiter of byKey.get(key) ?? []) woken.add(waiter)
      endInTurns([...woken])
    },
    close() {
      closed = true
      for (const waiter of [...all]) waiter.end('time')
    },
    get count() {
      return all.size
    },
  }
}
