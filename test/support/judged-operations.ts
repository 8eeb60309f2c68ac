import { appendFileSync } from 'node:fs'
import { inject } from 'vitest'
import { type ListedOperation, nameOf } from './operations.ts'
import type { RecordLine } from './run-record.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The file that collects, from all workers, what was found out about the operations. */
    recordFile: string
  }
}

const recorded = new Set<string>()

/** Notes that a test called an operation and the answer was accepted; once for each test file. */
export function recordAccepted(operation: ListedOperation): void {
  const judged = nameOf(operation)
  if (recorded.has(judged)) return
  recorded.add(judged)
  record({ judged })
}

/** Notes which operations the application serves. */
export function recordMounted(operations: readonly string[]): void {
  record({ mounted: operations })
}

/** A line is short and appended whole, so that workers do not mix theirs. */
function record(line: RecordLine): void {
  appendFileSync(inject('recordFile'), `${JSON.stringify(line)}\n`)
}
