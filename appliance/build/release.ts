import { createPrivateKey, sign } from 'node:crypto'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Architecture } from './architectures.ts'
import { type DiskFiles, hashOf } from './disk.ts'
import { type DebianPackage, writePackageList } from './packages.ts'
import { run } from './run.ts'
import { writeLicences, writeSbom } from './sbom.ts'

export interface ReleaseTask {
  readonly out: string
  readonly files: DiskFiles
  readonly name: string
  readonly version: string
  readonly architecture: Architecture
  readonly packages: readonly DebianPackage[]
  /** The folder of the bundle. */
  readonly program: string
  readonly key: string | undefined
  readonly root: string
  readonly epoch: string
}

/** Everything that is published of one version: flash file, update files with their signature, what is inside. */
export function writeRelease(task: ReleaseTask): void {
  const { out, files, name, version, architecture, packages } = task
  const zstd = (from: string, to: string, level: string) =>
    run('zstd', ['--quiet', '--force', '-T2', level, from, '-o', join(out, to)])
  zstd(files.disk, `${name}.img.zst`, '-12')
  // The file system is compressed already.
  cpSync(files.root, join(out, `${name}.root`))
  cpSync(files.kernel, join(out, `${name}.efi`))
  writeSbom(task, join(out, `${name}.cdx.json`))
  writeLicences(task, join(out, `${name}.licences.txt`))
  writePackageList(packages, join(out, `${name}.packages.txt`))
  const update = {
    format: 1,
    product: 'hausbote',
    version,
    architecture: architecture.node,
    root: describe(files.root, `${name}.root`),
    kernel: describe(files.kernel, `${name}.efi`),
  }
  const text = `${JSON.stringify(update, undefined, 2)}\n`
  writeFileSync(join(out, `${name}.update.json`), text)
  const sums = ['img.zst', 'root', 'efi', 'update.json', 'cdx.json', 'licences.txt', 'packages.txt'].map(
    (end) => `${name}.${end}`,
  )
  const list = sums.map((file) => `${hashOf(join(out, file))}  ${file}\n`).join('')
  writeFileSync(join(out, 'SHA256SUMS'), list)
  if (task.key === undefined) return
  const key = createPrivateKey(readFileSync(task.key))
  const signed = (file: string, content: string) => writeFileSync(join(out, `${file}.sig`), sign(null, Buffer.from(content), key))
  signed(`${name}.update.json`, text)
  signed('SHA256SUMS', list)
}

function describe(file: string, name: string): { file: string; bytes: number; sha256: string } {
  return { file: name, bytes: readFileSync(file).length, sha256: hashOf(file) }
}
