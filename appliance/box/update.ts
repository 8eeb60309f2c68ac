// Installs an update: `update.js FOLDER [--now]`, or from the address in /var/lib/hausbote-box/update-source in the night.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fetchUpdate } from './fetch-update.ts'
import { findUpdate, installUpdate, type Target } from './install-update.ts'
import { otherSlot } from './other-slot.ts'
import { places, release } from './places.ts'
import { day } from './settle-boot.ts'
import { readState, writeState } from './update-state.ts'

const source = '/var/lib/hausbote-box/update-source'
const postponed = '/var/lib/hausbote-box/requests/postpone-update'

const [given, ...options] = process.argv.slice(2)
const state = readState(places.updates)
const target: Target = { ...release(), keys: places.keys, kernels: places.kernels, state, slot: otherSlot() }
const folder = given ?? (await incoming())
if (folder !== undefined) install(folder)

function install(from: string): void {
  const found = findUpdate(from, target)
  if ('refused' in found) return tell(found.refused)
  const { version } = found.update
  try {
    // Remembered first: a version that is found on the disk after a power cut is known to be on trial.
    writeState(places.updates, { ...state, pending: { version, from: target.version } })
    installUpdate(from, found.update, target)
  } catch (error) {
    writeState(places.updates, {
      ...state,
      last: `Version ${version} could not be installed on ${day(new Date())}: ${(error as Error).message}.`,
    })
    process.stderr.write(`${(error as Error).message}\n`)
    process.exit(1)
  }
  const last = `Version ${version} is installed, and starts now.`
  writeState(places.updates, { ...state, pending: { version, from: target.version }, last })
  process.stdout.write(`${last}\n`)
  if (options.includes('--now') || given === undefined) spawnSync('/usr/bin/systemctl', ['reboot'])
}

function tell(refused: string): void {
  process.stdout.write(`${refused}\n`)
  // That nothing new is there is no news.
  if (refused !== 'There is no update.') writeFileSync('/run/hausbote/update-refused', `${refused}\n`)
}

/** A folder with what the update address offers; undefined: nothing is offered, or the owner put it off. */
async function incoming(): Promise<string | undefined> {
  if (!existsSync(source)) return undefined
  const day = 24 * 3600 * 1000
  if (existsSync(postponed) && Date.now() - statSync(postponed).mtimeMs < 7 * day) return undefined
  const into = join('/var/lib/hausbote-box', 'incoming')
  rmSync(into, { recursive: true, force: true })
  mkdirSync(into, { recursive: true })
  const problem = await fetchUpdate(readFileSync(source, 'utf8').trim(), target, into)
  if (problem === undefined) return into
  process.stdout.write(`${problem}\n`)
  return undefined
}
