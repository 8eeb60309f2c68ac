import { parentPort, workerData } from 'node:worker_threads'
import Sqlite from 'better-sqlite3'
import { allUsers } from '../../accounts/store.ts'
import { eventCount } from '../../rooms/event-count.ts'
import type { Reader } from '../../storage/handles.ts'
import { readPosition } from '../../storage/position-jump.ts'
import type { DatabaseFacts } from './check.ts'

const database = new Sqlite(workerData as string, { fileMustExist: true })
const found = database.pragma('quick_check(1)', { simple: true }) as string
const reader: Reader = { raw: database, position: 0 }
const facts: DatabaseFacts = {
  problem: found === 'ok' ? undefined : found,
  schema: database.pragma('user_version', { simple: true }) as number,
  position: readPosition(reader),
  events: eventCount(reader),
  users: allUsers(reader).length,
}
database.close()
parentPort?.postMessage(facts)
