import { parentPort, workerData } from 'node:worker_threads'
import Sqlite from 'better-sqlite3'
import type { CheckpointResult } from './checkpointer.ts'

const database = new Sqlite(workerData as string, { timeout: 1000 })
database.pragma('synchronous = NORMAL')

parentPort?.on('message', () => {
  const [row] = database.pragma('wal_checkpoint(PASSIVE)') as { log: number; checkpointed: number }[]
  const result: CheckpointResult = { logPages: row?.log ?? 0, movedPages: row?.checkpointed ?? 0 }
  parentPort?.postMessage(result)
})
