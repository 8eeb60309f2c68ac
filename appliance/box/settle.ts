// At each start, before the server: what became of the last update, and why the machine started.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { places, release } from './places.ts'
import { settleBoot } from './settle-boot.ts'
import { readState, sync, writeState } from './update-state.ts'

const { running } = places
if (process.argv[2] === 'stop') {
  rmSync(running, { force: true })
  sync('/var/lib/hausbote-box')
  process.exit(0)
}

const { version } = release()
const { state, remove } = settleBoot(readState(places.updates), version, readdirSync(places.kernels), new Date())
// First what was learnt, then the file: the other way round a power cut would forget a version that failed.
writeState(places.updates, state)
for (const file of remove) rmSync(join(places.kernels, file))
if (remove.length > 0) sync(places.kernels)

writeFileSync('/run/hausbote/boot-reason', `${reason()}\n`)
writeFileSync(running, `${version}\n`)
sync(running)

function reason(): string {
  if (!existsSync(running)) return 'in good order'
  if (readFileSync(running, 'utf8') === 'gate\n') return 'a version on trial was not well'
  const panics = existsSync('/var/lib/systemd/pstore') ? readdirSync('/var/lib/systemd/pstore').length : 0
  return panics > 0 ? 'the system had crashed and started again' : 'the power was cut, or the machine had stopped without a word'
}
