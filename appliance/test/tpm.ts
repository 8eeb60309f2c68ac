import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { putOnBootPartition, readFromBootPartition } from './boot-partition.ts'
import { check, type Kit } from './kit.ts'

/** A security chip that keeps its secrets in a folder; it ends with the machine that it is in. */
async function chip(folder: string): Promise<ChildProcess> {
  mkdirSync(folder, { recursive: true })
  const socket = join(folder, 'socket')
  const words = ['socket', '--tpm2', '--tpmstate', `dir=${folder}`, '--ctrl', `type=unixio,path=${socket}`, '--terminate']
  const child = spawn('swtpm', words, { stdio: 'ignore' })
  process.once('exit', () => child.kill('SIGKILL'))
  for (let tries = 0; tries < 50 && !existsSync(socket); tries++) await pause(100)
  return child
}

/** With a TPM the data is encrypted; another machine opens it with the key that was shown, and then by itself. */
export async function tpm(kit: Kit): Promise<void> {
  const [own, other] = [join(kit.folder, 'tpm'), join(kit.folder, 'other-tpm')]
  const machine = await kit.flashed('old', { tpm: join(own, 'socket') })
  const opened = /security chip of this machine opens it/
  await chip(own)
  await machine.start()
  await machine.answers(`${machine.page}/`, 400)
  await machine.shows(opened, 60)
  const [, key = ''] = await machine.shows(/Disk key: ([a-z-]{60,90})/, 120)
  await machine.shutDown()
  await chip(own)
  await machine.start()
  await machine.answers(`${machine.page}/`, 400)
  await machine.shows(opened, 60)
  await machine.shutDown()
  kit.say('its own chip opens it, at the second start too')

  const moved = await kit.machine({ tpm: join(other, 'socket') })
  await chip(other)
  await moved.start()
  await moved.shows(/The data is encrypted for another machine/, 400)
  await moved.cutPower()
  putOnBootPartition(moved.disk, 'RECOVERY-KEY.txt', `${key}\r\n`)
  await chip(other)
  await moved.start()
  await moved.answers(`${moved.page}/`, 400)
  await moved.shows(/From now on the security chip of this machine opens it/, 60)
  await moved.shutDown()
  check(readFromBootPartition(moved.disk, 'RECOVERY-KEY.txt') === undefined, 'the key is still on the boot partition')
  await chip(other)
  await moved.start()
  await moved.answers(`${moved.page}/`, 400)
  await moved.shutDown()
}
