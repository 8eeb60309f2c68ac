// The gate that every start passes: does the application do what it is for? It opens the doors to the outside, and a version on trial that
// does not get here is given up. The internet is never asked: a box whose line is down is well.
import { spawnSync } from 'node:child_process'
import { closeSync, fsyncSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import { answers } from './answers.ts'
import { bootEntries } from './boot-entries.ts'
import { forgetCopies } from './database-copies.ts'
import { places, release, user } from './places.ts'
import { blessUpdate } from './settle-boot.ts'
import { readState, sync, writeState } from './update-state.ts'

/** Milliseconds that the application has from here on. */
const patience = 240_000
/** Answers one after the other, by one and the same process. */
const steadyAnswers = 5
const interval = 2_000
/** A server that ended so often will not do better. */
const hopeless = 5

const { version } = release()
const onTrial = bootEntries(readdirSync(places.kernels)).some(
  (entry) => entry.version === version && entry.triesLeft !== undefined,
)
const problem = await findProblem()
if (problem === undefined) {
  openDoors()
  const before = readState(places.updates)
  const after = blessUpdate(before, version, new Date())
  if (after !== before) {
    // From now on a way back would lose what is answered.
    forgetCopies(places)
    writeState(places.updates, after)
  }
  process.stdout.write('The application is well.\n')
} else if (onTrial) {
  process.stderr.write(`This version is on trial and ${problem}. Starting again, which leads back to the version before.\n`)
  const state = readState(places.updates)
  writeState(places.updates, { ...state, last: `Version ${version} is on trial, and ${problem}.` })
  writeFileSync(places.running, 'gate\n')
  sync(places.running)
  spawnSync('/usr/bin/systemctl', ['reboot', '--force'])
} else {
  // There is nothing to go back to, and a patient box may recover.
  openDoors()
  process.stderr.write(`The application is not well: ${problem}.\n`)
  process.exit(1)
}

async function findProblem(): Promise<string | undefined> {
  let before = restarts()
  let steady = 0
  for (const deadline = performance.now() + patience; steady < steadyAnswers; await pause(interval)) {
    const well = await answers()
    const now = restarts()
    // A server that ends and is started again also answers now and then.
    steady = well && now === before ? steady + 1 : 0
    before = now
    if (now >= hopeless) return 'the server does not stay up'
    if (performance.now() > deadline) return 'the server does not answer'
  }
  return diskProblem() ?? databaseProblem()
}

function restarts(): number {
  const { stdout } = spawnSync('/usr/bin/systemctl', ['show', '--property=NRestarts', '--value', 'hausbote.service'], {
    encoding: 'utf8',
  })
  return Number(stdout)
}

function diskProblem(): string | undefined {
  const probe = '/var/lib/hausbote-box/probe'
  try {
    const file = openSync(probe, 'w')
    writeSync(file, 'probe')
    fsyncSync(file)
    closeSync(file)
    rmSync(probe)
    return undefined
  } catch (error) {
    return `the disk takes nothing (${(error as NodeJS.ErrnoException).code})`
  }
}

function databaseProblem(): string | undefined {
  // Nothing of the database shall belong to another user.
  process.setegid?.(user)
  process.seteuid?.(user)
  try {
    const database = new Sqlite(places.database, { readonly: true, fileMustExist: true })
    const found = database.pragma('quick_check(1)', { simple: true })
    database.close()
    return found === 'ok' ? undefined : `the database is damaged (${String(found)})`
  } catch (error) {
    return `the database cannot be read (${(error as Error).message})`
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
}

function openDoors(): void {
  const words = ['add', 'element', 'inet', 'hausbote', 'doors', '{ 80, 443, 8008, 8448 }']
  const { status, stderr } = spawnSync('/usr/sbin/nft', words, { encoding: 'utf8' })
  if (status !== 0) process.stderr.write(`The doors did not open: ${stderr}\n`)
}
