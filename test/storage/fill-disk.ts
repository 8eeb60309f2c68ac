// Writes into a small file system until it is full, goes on reading, makes room, and writes again: `node fill-disk.ts DIRECTORY MIGRATIONS`.
import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemTimers } from '../../src/platform/clock.ts'
import { StorageProblem } from '../../src/storage/problems.ts'
import { openStorage } from '../../src/storage/storage.ts'

const [directory = '', migrations = ''] = process.argv.slice(2)
const ballast = join(dirname(directory), 'ballast')
writeFileSync(ballast, Buffer.alloc(1024 * 1024))
const fatal: string[] = []
const storage = openStorage({ directory, migrations, timers: systemTimers, onFatal: ({ kind }) => fatal.push(kind) })

const insert = () =>
  storage
    .write((tx) => void tx.raw.prepare('INSERT INTO notes (text) VALUES (?)').run('x'.repeat(2000)))
    .then(
      () => 'written',
      (error: unknown) => (error instanceof StorageProblem ? error.kind : String(error)),
    )
const count = () => storage.reader.raw.prepare('SELECT count(*) FROM notes').pluck().get()

let answered = 0
let refusal = 'none'
for (let attempt = 0; attempt < 2000 && refusal === 'none'; attempt += 1) {
  const outcome = await insert()
  if (outcome === 'written') answered += 1
  else refusal = outcome
}
const whenFull = count()
const again = await insert()
rmSync(ballast)
const afterwards = await insert()
const atLast = count()
await storage.close()
process.stdout.write(`${JSON.stringify({ answered, refusal, whenFull, again, afterwards, atLast, fatal })}\n`)
