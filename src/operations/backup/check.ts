import { Worker } from 'node:worker_threads'
import type { Position } from '../../storage/handles.ts'

/** What a copy of the database is worth. */
export interface DatabaseFacts {
  /** Undefined: SQLite finds nothing wrong with it. */
  readonly problem: string | undefined
  /** Migrations that it has. */
  readonly schema: number
  readonly position: Position
  readonly events: number
  readonly users: number
}

/** Looks through a database file that nobody else uses, on a thread of its own: it takes seconds for each gigabyte. Rejects if it is no database. */
export function checkDatabase(file: string, signal?: AbortSignal): Promise<DatabaseFacts> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./check-worker.ts', import.meta.url), { workerData: file })
    const stop = () => void worker.terminate()
    signal?.addEventListener('abort', stop)
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', () => {
      signal?.removeEventListener('abort', stop)
      reject(new Error('the look through the database was cut off'))
    })
  })
}
