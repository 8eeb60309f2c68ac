import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What is known about updates over starts, and survives a power cut at any moment. */
export interface UpdateState {
  /** Installed, not yet known to work. */
  readonly pending?: { readonly version: string; readonly from: string }
  /** Versions that did not work here, with the reason in words; they are never tried again. */
  readonly failed: Readonly<Record<string, string>>
  /** How the last one went, in words. */
  readonly last?: string
}

export function readState(folder: string): UpdateState {
  const file = join(folder, 'state.json')
  if (!existsSync(file)) return { failed: {} }
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as UpdateState
  } catch (error) {
    // Worse than a forgotten failure would be a box that takes no update any more.
    process.stderr.write(`${file} cannot be read and begins anew: ${(error as Error).message}\n`)
    return { failed: {} }
  }
}

export function writeState(folder: string, state: UpdateState): void {
  replaceFile(join(folder, 'state.json'), `${JSON.stringify(state, undefined, 2)}\n`)
  replaceFile(join(folder, 'last.txt'), state.last === undefined ? '' : `${state.last}\n`)
}

/** The old content or the new one, whenever the power goes. */
export function replaceFile(file: string, content: string | Buffer, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true })
  const partial = `${file}.partial`
  writeFileSync(partial, content, { mode })
  sync(partial)
  renameSync(partial, file)
  sync(dirname(file))
}

/** Of a file or a folder. */
export function sync(path: string): void {
  const handle = openSync(path, 'r')
  fsyncSync(handle)
  closeSync(handle)
}
