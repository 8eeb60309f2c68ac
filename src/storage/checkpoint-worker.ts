import { parentPort, workerData } from 'node:worker_threads'
import Sqlite from 'better-sqlite3'
import type { CheckpointResult } from './checkpointer.ts'
import { storageProblem } from './problems.ts'

const database = new Sqlite(workerData as string, { timeout: 1000 })
database.pragma('synchronous = NORMAL')

parentPort?.on('message', () => {
  const result: CheckpointResult = { logPages: checkpoint() }
  parentPort?.postMessage(result)
})

/** Answers how many pages the log has. */
function checkpoint(): number {
  try {
    const [row] = database.pragma('wal_checkpoint(PASSIVE)') as { log: number }[]
    return row?.log ?? 0
  } catch (error) {
    // Without space everything stays in the log, which is just as safe, until a later attempt.
    if (storageProblem(error)?.kind === 'full') return 0
    throw error
  }
}
