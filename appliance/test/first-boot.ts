import { putOnBootPartition, readFromBootPartition } from './boot-partition.ts'
import { check, type Kit } from './kit.ts'

/** From a fresh disk with a provisioning file to the owner's page, seen from outside; a second start keeps identity and data. */
export async function firstBoot(kit: Kit): Promise<void> {
  const machine = await kit.flashed('old')
  putOnBootPartition(machine.disk, 'hausbote.toml', 'claim_code = "7K3M-9QTX"\n[box]\nname = "praxis-1"\n')
  const began = performance.now()
  await machine.start()
  const page = await machine.answers(`${machine.page}/`, 300)
  kit.say(`power-on to the page: ${Math.round((performance.now() - began) / 1000)} s`)
  check(page.includes('<html'), 'the page is no page')
  // As it stands on the label of the box.
  const code = '7K3M-9QTX'
  await machine.shows(/Code: {5}7K3M-9QTX/, 120)
  await machine.shows(/http:\/\/praxis-1\.local:8450/, 60)
  await machine.shows(/Server: {3}works/, 120)
  await machine.screenshot(`${kit.folder}/console.png`)
  await machine.shutDown()
  check(readFromBootPartition(machine.disk, 'CLAIM.txt')?.includes(code) === true, `CLAIM.txt does not have the code ${code}`)
  check(readFromBootPartition(machine.disk, 'PROBLEMS.txt') === undefined, 'there are problems with the provisioning file')

  putOnBootPartition(machine.disk, 'hausbote.toml', 'colour = "red"\n[box]\nname = "Praxis 1"\n')
  await machine.start()
  await machine.answers(`${machine.page}/`, 300)
  await machine.shows(/Start: {4}in good order/, 120)
  await machine.shows(/Problem: {2}hausbote\.toml: box\.name: must be/, 60)
  await machine.cutPower()
  const problems = readFromBootPartition(machine.disk, 'PROBLEMS.txt') ?? ''
  check(problems.includes('colour: there is no such field'), `PROBLEMS.txt does not name the problem: ${problems}`)
  await machine.start()
  await machine.answers(`${machine.page}/`, 300)
  await machine.shows(/Start: {4}the power was cut/, 120)
  await machine.shutDown()
}
