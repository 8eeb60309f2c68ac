import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { constants, zstdCompressSync } from 'node:zlib'
import { cpioOf } from './cpio.ts'
import type { Tools } from './tools.ts'

/** The initial RAM disk: busybox, a script, and the modules of the disks. `root` and the result lie in the tools' folder of work. */
export function buildInitrd(appliance: string, tools: Tools, root: string, release: string): Buffer {
  const folder = join(tools.work, 'initrd')
  for (const name of ['bin', 'dev', 'proc', 'sys', 'run', 'sysroot', 'usr']) mkdirSync(join(folder, name), { recursive: true })
  cpSync(join(root, 'usr/bin/busybox'), join(folder, 'bin/busybox'))
  cpSync(join(appliance, 'initrd/init'), join(folder, 'init'))
  copyModules(join(appliance, 'initrd/modules.txt'), join(root, 'usr/lib/modules', release), folder, release)
  cpSync(join(folder, 'lib'), join(folder, 'usr/lib'), { recursive: true })
  tools.run('depmod', ['--basedir', '/work/initrd', release])
  return zstdCompressSync(cpioOf(folder), { params: { [constants.ZSTD_c_compressionLevel]: 17 } })
}

function copyModules(list: string, modules: string, folder: string, release: string): void {
  const names = readFileSync(list, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const needs = new Map<string, readonly string[]>()
  for (const line of readFileSync(join(modules, 'modules.dep'), 'utf8').split('\n')) {
    const [file, others] = line.split(': ?', 2)[0]?.split(':') ?? []
    if (file)
      needs.set(
        file,
        (others ?? '').split(' ').filter((other) => other !== ''),
      )
  }
  const byName = new Map(
    [...needs.keys()].map((file) => [
      basename(file)
        .replace(/\.ko.*/, '')
        .replaceAll('-', '_'),
      file,
    ]),
  )
  const there = names.filter((name) => byName.has(name))
  const wanted = new Set(there.flatMap((name) => [byName.get(name) ?? '', ...(needs.get(byName.get(name) ?? '') ?? [])]))
  const target = join(folder, 'lib/modules', release)
  for (const file of [...wanted].sort()) {
    mkdirSync(dirname(join(target, file)), { recursive: true })
    // The whole disk is compressed once, and better.
    const { status, stdout } = spawnSync('xz', ['--decompress', '--stdout', join(modules, file)], { maxBuffer: 2 ** 27 })
    if (status !== 0) throw new Error(`${file} cannot be unpacked`)
    writeFileSync(join(target, file.replace(/\.xz$/, '')), stdout)
  }
  for (const name of ['modules.builtin', 'modules.order', 'modules.builtin.modinfo'])
    copyFileSync(join(modules, name), join(target, name))
  writeFileSync(join(folder, 'modules.txt'), `${there.join('\n')}\n`)
}
