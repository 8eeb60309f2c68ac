import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeStick } from './boot-partition.ts'
import { createMachine, flash, type Machine, type MachineOptions } from './machine.ts'

export interface Kit {
  /** A folder of its own for a test. */
  readonly folder: string
  /** The folder of a release that was built for the tests: `old`, `new`, or one that does not work. */
  release(which: Which): Promise<string>
  /** A machine whose disk was flashed with a release. */
  flashed(which: Which, options?: Partial<MachineOptions>): Promise<Machine>
  /** Another machine with the disk that is there. */
  machine(options?: Partial<MachineOptions>): Promise<Machine>
  /** Words for QEMU that plug in a stick with the update to a release. */
  stick(which: Which, change?: (files: string[]) => string[]): Promise<string[]>
  say(text: string): void
}

export type Which = 'old' | 'new' | 'broken' | 'panicking' | 'migration' | 'measured' | 'arm64'

export function createKit(folder: string, build: (which: Which) => Promise<string>, say: (text: string) => void): Kit {
  mkdirSync(folder, { recursive: true })
  const image = async (which: Which) => {
    const release = await build(which)
    return join(release, readdirSync(release).find((file) => file.endsWith('.img.zst')) ?? '')
  }
  return {
    folder,
    release: build,
    say,
    async flashed(which, options = {}) {
      const machine = await createMachine({ folder, ...options })
      flash(await image(which), machine.disk)
      return machine
    },
    machine: (options = {}) => createMachine({ folder, ...options }),
    async stick(which, change = (files) => files) {
      const release = await build(which)
      const files = readdirSync(release)
        .filter((file) => /\.(root|efi|update\.json|update\.json\.sig)$/.test(file))
        .map((file) => join(release, file))
      const file = join(folder, `stick-${which}.img`)
      makeStick(file, change(files))
      const drive = `file=${file},if=none,id=stick,format=raw,readonly=on`
      return ['-device', 'qemu-xhci', '-drive', drive, '-device', 'usb-storage,drive=stick']
    },
  }
}

export function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}
