// Holds a data directory until it is killed: `node hold-directory.ts DIRECTORY MIGRATIONS`. Says `open`, or the kind of the problem.
import { systemTimers } from '../../src/platform/clock.ts'
import { StorageProblem } from '../../src/storage/problems.ts'
import { openStorage } from '../../src/storage/storage.ts'

const [directory = '', migrations = ''] = process.argv.slice(2)
try {
  const storage = openStorage({ directory, migrations, timers: systemTimers, onFatal: () => undefined, checkpoints: false })
  process.stdout.write('open\n')
  // Keeps the process, and with it the storage, alive.
  setInterval(() => storage.reader.position, 1 << 30)
} catch (error) {
  process.stdout.write(error instanceof StorageProblem ? `${error.kind}\n` : `unexpected ${String(error)}\n`)
}
