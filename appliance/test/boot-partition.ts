import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where the boot partition begins on every disk of ours, in bytes. */
const start = 1024 * 1024

function mtools(program: string, words: readonly string[]): string {
  return execFileSync(program, words, {
    encoding: 'utf8',
    env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Puts a file on the boot partition, as a technician does on any computer. The machine must be off. */
export function putOnBootPartition(disk: string, name: string, content: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'hausbote-'))
  writeFileSync(join(folder, 'file'), content)
  mtools('mcopy', ['-o', '-i', `${disk}@@${start}`, join(folder, 'file'), `::${name}`])
  rmSync(folder, { recursive: true })
}

/** Undefined: there is no such file. */
export function readFromBootPartition(disk: string, name: string): string | undefined {
  try {
    return mtools('mtype', ['-i', `${disk}@@${start}`, `::${name}`])
  } catch (error) {
    if (/not found/i.test(String((error as { stderr?: unknown }).stderr))) return undefined
    throw error
  }
}

/** Names of the kernel images, which carry the count of tries. */
export function kernelsOn(disk: string): string[] {
  const list = mtools('mdir', ['-b', '-i', `${disk}@@${start}`, '::EFI/Linux'])
  return [...list.matchAll(/\/(hausbote_[^/\n]+\.efi)/g)].map(([, name = '']) => name).sort()
}

/** A stick of the name that a box looks for, with files on it. */
export function makeStick(image: string, files: readonly string[]): void {
  const bytes = files.reduce((sum, file) => sum + readFileSync(file).length, 64 * 1024 * 1024)
  writeFileSync(image, '')
  truncateSync(image, Math.ceil(bytes / 1024 / 1024) * 1024 * 1024)
  mtools('mformat', ['-i', image, '-F', '-v', 'HAUSBOTE', '::'])
  mtools('mcopy', ['-i', image, ...files, '::'])
}
