import { putOnBootPartition, readFromBootPartition } from './boot-partition.ts'
import { check, type Kit } from './kit.ts'

/** The file `reset` makes the box new: another code, another identity, no data. */
export async function reset(kit: Kit): Promise<void> {
  const machine = await kit.flashed('old')
  await machine.start()
  await machine.answers(`${machine.page}/`, 300)
  const [, before = ''] = await machine.shows(/Code: {5}(\S{9})/, 120)
  await machine.shutDown()
  putOnBootPartition(machine.disk, 'reset', 'erase everything\r\n')
  await machine.start()
  await machine.shows(/all data of this box is erased/, 300)
  await machine.answers(`${machine.page}/`, 400)
  const [, after = ''] = await machine.shows(/Code: {5}(\S{9})/, 120)
  await machine.shutDown()
  check(before !== after, 'the code is the same')
  check(readFromBootPartition(machine.disk, 'reset') === undefined, 'the file is still there: the box would be erased again')
}

/** A clock that stands years behind, no network at the start, and a cable that is plugged in later. */
export async function noNetwork(kit: Kit): Promise<void> {
  const machine = await kit.flashed('old', { more: ['-rtc', 'base=2019-03-01T00:00:00'] })
  await machine.start()
  await machine.cable(false)
  await machine.shows(/Network: {2}no address yet/, 300)
  await machine.shows(/Server: {3}works/, 300)
  await machine.cable(true)
  await machine.answers(`${machine.page}/`, 200)
  await machine.shows(/Network: {2}10\.0\.2\.15/, 100)
  await machine.shutDown()
}

/** What the whole machine needs when nobody does anything, a minute after its start. */
export async function memory(kit: Kit): Promise<void> {
  const machine = await kit.flashed('measured')
  await machine.start()
  await machine.answers(`${machine.page}/`, 300)
  await machine.shows(/Server: {3}works/, 120)
  const readings = () => [...machine.console().matchAll(/MemTotal: +(\d+) kB\s+MemAvailable: +(\d+) kB/g)]
  const before = readings().length
  await machine.shows(new RegExp(`(?:MemAvailable[\\s\\S]*){${before + 3}}`), 200)
  const [, total = 0, available = 0] = (readings().at(-1) ?? []).map(Number)
  const used = Math.round((total - available) / 1000)
  kit.say(`in use: ${used} MB of ${Math.round(total / 1000)} MB`)
  await machine.shutDown()
  check(total > 0 && used <= 250, `${used} MB are more than 250`)
}

/** The other processor: from a fresh disk to the page, and a second start. */
export async function arm64(kit: Kit): Promise<void> {
  const machine = await kit.flashed('arm64', { arch: 'arm64' })
  const began = performance.now()
  await machine.start()
  await machine.answers(`${machine.page}/`, 600)
  kit.say(`power-on to the page: ${Math.round((performance.now() - began) / 1000)} s`)
  await machine.shows(/Server: {3}works/, 200)
  await machine.shutDown()
  await machine.start()
  await machine.answers(`${machine.page}/`, 600)
  await machine.shows(/Start: {4}in good order/, 200)
  await machine.shutDown()
}
