import { createHash, createPublicKey, verify } from 'node:crypto'
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { bootEntries, compareVersions } from './boot-entries.ts'
import { sync, type UpdateState } from './update-state.ts'

interface UpdateFile {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

export interface Update {
  readonly version: string
  readonly root: UpdateFile
  readonly kernel: UpdateFile
}

/** The half of the disk that does not run. */
export interface Slot {
  /** A block device, or a file in tests. */
  readonly path: string
  readonly bytes: number
  /** Gives the partition its name, on disk when it returns. */
  label(name: string): void
}

export interface Target {
  readonly version: string
  readonly architecture: string
  /** Folder of public keys in PEM. */
  readonly keys: string
  /** `EFI/Linux` of the boot partition. */
  readonly kernels: string
  readonly state: UpdateState
  readonly slot: Slot
  /** Called between any two steps, in tests. */
  readonly step?: (name: string) => void
}

/** How often a new version may try to start. */
const tries = 3
const block = 4 * 1024 * 1024

/** The newest update in a folder that this box may take, or in words why there is none. */
export function findUpdate(folder: string, target: Target): { update: Update } | { refused: string } {
  const files = readdirSync(folder).filter((file) => /^hausbote_\d+\.\d+\.\d+_[a-z0-9]+\.update\.json$/.test(file))
  if (files.length === 0) return { refused: 'There is no update.' }
  const fitting = files.filter((file) => file.endsWith(`_${target.architecture}.update.json`))
  if (fitting.length === 0) return { refused: `The update is for other machines (this one is ${target.architecture}).` }
  const versionIn = (file: string) => file.split('_')[1] ?? ''
  const [newest = ''] = fitting.sort((a, b) => compareVersions(versionIn(b), versionIn(a)))
  return readUpdate(folder, newest, target)
}

function readUpdate(folder: string, file: string, target: Target): { update: Update } | { refused: string } {
  const text = readFileSync(join(folder, file))
  const signature = existsSync(join(folder, `${file}.sig`)) ? readFileSync(join(folder, `${file}.sig`)) : undefined
  if (signature === undefined) return { refused: 'The update has no signature.' }
  const keys = readdirSync(target.keys).filter((name) => name.endsWith('.pem'))
  const signed = keys.some((name) => verify(null, text, createPublicKey(readFileSync(join(target.keys, name))), signature))
  if (!signed) return { refused: 'The signature of the update is wrong: it is damaged, or not from us.' }
  // What is signed is believed, and only then read.
  const { version, architecture, root, kernel } = JSON.parse(text.toString()) as Update & { readonly architecture: string }
  if (architecture !== target.architecture) return { refused: `The update is for other machines (${architecture}).` }
  if (compareVersions(version, target.version) <= 0)
    return { refused: `Version ${version} is not newer than ${target.version}, which runs.` }
  const failed = target.state.failed[version]
  if (failed !== undefined) return { refused: `Version ${version} was tried before and given up: ${failed}.` }
  if (target.state.pending?.version === version)
    return { refused: `Version ${version} is installed and waits for the next start.` }
  const onTrial = bootEntries(readdirSync(target.kernels)).some(
    (entry) => entry.version === target.version && entry.triesLeft !== undefined,
  )
  if (onTrial) return { refused: `Version ${target.version} is still on trial.` }
  for (const part of [root, kernel]) {
    const path = join(folder, part.file)
    if (!/^hausbote_[\w.]+$/.test(part.file) || !existsSync(path))
      return { refused: `The update is incomplete: ${part.file} is missing.` }
    if (statSync(path).size !== part.bytes) return { refused: `The update is incomplete: ${part.file} is cut short.` }
  }
  if (root.bytes > target.slot.bytes) return { refused: `Version ${version} does not fit on this disk.` }
  return { update: { version, root, kernel } }
}

/**
 * Writes an update to the half that does not run. Until the very last step, the renaming of the kernel image, nothing starts it; whenever
 * the power goes, the version that runs starts again. Throws, in words, when something does not hold; the half is then without a name.
 */
export function installUpdate(folder: string, { version, root, kernel }: Update, target: Target): void {
  const { slot, kernels, step = () => undefined } = target
  step('begin')
  // What stood in that half is about to vanish: it may not be started any more.
  for (const entry of bootEntries(readdirSync(kernels))) {
    if (entry.version !== target.version) rmSync(join(kernels, entry.file))
  }
  for (const file of readdirSync(kernels).filter((name) => name.endsWith('.partial'))) rmSync(join(kernels, file))
  sync(kernels)
  step('old kernel removed')
  slot.label('_empty')
  step('slot unnamed')
  const { bavail, bsize } = statfsSync(kernels)
  if (bavail * bsize < kernel.bytes) throw new Error('the boot partition is full')
  copyChecked(join(folder, root.file), slot.path, root)
  step('root written')
  if (hashStart(slot.path, root.bytes) !== root.sha256) throw new Error('the disk does not keep what is written to it')
  step('root read back')
  slot.label(`hausbote_${version}`)
  step('slot named')
  const partial = join(kernels, 'update.partial')
  copyFileSync(join(folder, kernel.file), partial)
  sync(partial)
  if (hashStart(partial, kernel.bytes) !== kernel.sha256) {
    rmSync(partial)
    throw new Error(`${kernel.file} is damaged`)
  }
  step('kernel written')
  renameSync(partial, join(kernels, `hausbote_${version}+${tries}.efi`))
  sync(kernels)
  step('kernel named')
}

function copyChecked(from: string, to: string, { bytes, sha256, file }: UpdateFile): void {
  const [source, sink] = [openSync(from, 'r'), openSync(to, 'r+')]
  try {
    const hash = createHash('sha256')
    const buffer = Buffer.alloc(block)
    for (let at = 0; at < bytes; ) {
      const read = readSync(source, buffer, 0, Math.min(block, bytes - at), at)
      if (read === 0) throw new Error(`${file} is cut short`)
      hash.update(buffer.subarray(0, read))
      for (let written = 0; written < read; ) written += writeSync(sink, buffer, written, read - written, at + written)
      at += read
    }
    fsyncSync(sink)
    if (hash.digest('hex') !== sha256) throw new Error(`${file} is damaged`)
  } finally {
    closeSync(source)
    closeSync(sink)
  }
}

function hashStart(path: string, bytes: number): string {
  const file = openSync(path, 'r')
  try {
    const hash = createHash('sha256')
    const buffer = Buffer.alloc(block)
    for (let at = 0; at < bytes; ) {
      const read = readSync(file, buffer, 0, Math.min(block, bytes - at), at)
      if (read === 0) break
      hash.update(buffer.subarray(0, read))
      at += read
    }
    return hash.digest('hex')
  } finally {
    closeSync(file)
  }
}
