// Before the server starts: a copy of the database when this version is about to change its schema, and the way back to that copy when a
// newer version changed it and did not stay.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { keepCopy } from './database-copies.ts'

const schema = readdirSync('/usr/lib/hausbote/drizzle').filter((name) => /^\d{4}_.*\.sql$/.test(name)).length
const outcome = keepCopy({
  database: join('/var/lib/hausbote', 'hausbote.db'),
  copies: '/var/lib/hausbote-copies',
  schema,
  open: (file) => new Sqlite(file),
})
if ('problem' in outcome) {
  process.stderr.write(`${outcome.problem}\n`)
  process.exit(1)
}
process.stdout.write(`${outcome.done}\n`)
