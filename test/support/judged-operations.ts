import { appendFileSync } from 'node:fs'
import { inject } from 'vitest'
import type { Operation } from './api-description.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The file that collects, from all workers, which operations were answered as described. */
    judgedFile: string
  }
}

const recorded = new Set<string>()

/** Notes that a test called an operation and the answer was accepted; once for each worker. */
export function recordAccepted({ id, method, path }: Operation): void {
  if (recorded.has(id)) return
  recorded.add(id)
  appendFileSync(inject('judgedFile'), `${JSON.stringify({ judged: `${method} ${path}` })}\n`)
}
