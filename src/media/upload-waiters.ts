import type { Milliseconds, Timers } from '../platform/clock.ts'

/** Requests for media whose upload is announced, but not finished. */
export interface UploadWaiters {
  /** Resolves when `mediaId` was uploaded, the time is over, the client has gone or the server stops. */
  uploaded(mediaId: string, timeout: Milliseconds, signal: AbortSignal): Promise<void>
  wake(mediaId: string): void
  close(): void
}

export function createUploadWaiters(timers: Timers): UploadWaiters {
  const waiting = new Map<string, Set<() => void>>()
  let closed = false

  function wake(mediaId: string): void {
    for (const resolve of waiting.get(mediaId) ?? []) resolve()
  }

  return {
    async uploaded(mediaId, timeout, signal) {
      if (closed || signal.aborted || timeout <= 0) return
      const { promise, resolve } = Promise.withResolvers<void>()
      const others = waiting.get(mediaId) ?? new Set()
      waiting.set(mediaId, others.add(resolve))
      const cancel = timers.after(timeout, resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
      await promise
      cancel()
      others.delete(resolve)
      if (others.size === 0) waiting.delete(mediaId)
    },
    wake,
    close() {
      closed = true
      for (const mediaId of waiting.keys()) wake(mediaId)
    },
  }
}
