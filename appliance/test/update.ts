import { kernelsOn } from './boot-partition.ts'
import { check, type Kit } from './kit.ts'

/** From a stick to the next version, which stays. */
export async function update(kit: Kit): Promise<void> {
  const machine = await kit.flashed('old', { more: await kit.stick('new') })
  await machine.start()
  await machine.answers(`${machine.page}/`, 300)
  await machine.shows(/Hausbote 0\.2\.0/, 120)
  await machine.shows(/Hausbote 0\.2\.1/, 900)
  await machine.shows(/Update: {3}Version 0\.2\.1 was installed on .*, in place of 0\.2\.0\./, 400)
  await machine.answers(`${machine.page}/`, 60)
  await machine.shutDown()
  const kernels = kernelsOn(machine.disk)
  check(kernels.join() === 'hausbote_0.2.0.efi,hausbote_0.2.1.efi', `the kernels are ${kernels.join()}`)
}

/** A version whose server does not start: three tries, then the old one runs on, says so, and refuses it from then on. */
export async function rollback(kit: Kit): Promise<void> {
  await giveUp(kit, 'broken')
}

/** The same with a kernel that panics before there is any program of ours. */
export async function panic(kit: Kit): Promise<void> {
  await giveUp(kit, 'panicking')
}

/** A version that changes the schema and does not stay up: the old one finds the database as it was. */
export async function migration(kit: Kit): Promise<void> {
  await giveUp(kit, 'migration')
}

async function giveUp(kit: Kit, which: 'broken' | 'panicking' | 'migration'): Promise<void> {
  const machine = await kit.flashed('old', { more: await kit.stick(which) })
  const began = performance.now()
  await machine.start()
  await machine.shows(/Hausbote 0\.2\.0/, 300)
  await machine.shows(
    /Update: {3}Version 0\.2\.[23] was given up on .*: it did not start three times\. Version 0\.2\.0 runs on\./,
    2400,
  )
  kit.say(`given up after ${Math.round((performance.now() - began) / 1000)} s`)
  await machine.answers(`${machine.page}/`, 300)
  await machine.shows(/Server: {3}works/, 200)
  // The stick is still there: it is looked at again, and refused.
  await machine.shows(/Version 0\.2\.[23] was tried before and given up/, 300)
  await machine.shutDown()
  const kernels = kernelsOn(machine.disk)
  check(kernels.join() === 'hausbote_0.2.0.efi', `the kernels are ${kernels.join()}`)
}

/** The power goes again and again while an update is written: every start serves, and in the end the new version runs. */
export async function powerCuts(kit: Kit): Promise<void> {
  const machine = await kit.flashed('old', { more: await kit.stick('new') })
  const cuts = Number(process.env.HAUSBOTE_POWER_CUTS ?? 5)
  for (let cut = 1; cut <= cuts; cut++) {
    await machine.start()
    const began = performance.now()
    await machine.shows(/Hausbote 0\.2\.[01]/, 300)
    // Anywhere from the first seconds of the writing to the starts after it.
    const wait = 5 + Math.random() * 60
    await new Promise((later) => setTimeout(later, wait * 1000))
    await machine.cutPower()
    kit.say(`cut ${cut} after ${Math.round((performance.now() - began) / 1000)} s: ${kernelsOn(machine.disk).join(' ')}`)
  }
  await machine.start()
  await machine.answers(`${machine.page}/`, 400)
  await machine.shows(/Hausbote 0\.2\.1/, 900)
  await machine.shows(/Server: {3}works/, 300)
  await machine.shutDown()
}
