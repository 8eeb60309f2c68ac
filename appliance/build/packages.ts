import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Architecture } from './architectures.ts'
import { ask, run } from './run.ts'
import { suite } from './tools.ts'

export interface DebianPackage {
  readonly name: string
  readonly version: string
  readonly architecture: string
  readonly source: string
}

/**
 * Unpacks Debian's packages for any processor. No script of theirs runs, so that a foreign processor needs no emulation and nothing of
 * the machine that builds gets in; `configure.ts` does by hand what they would have done. The mirror is what the machine's tools know.
 */
export function unpackPackages(appliance: string, architecture: Architecture, root: string, epoch: string): DebianPackage[] {
  const wanted = [...lines(join(appliance, 'packages.txt')), architecture.kernel]
  const list = `${root}.packages`
  const fields = ['Package', 'Version', 'Architecture', 'source:Package'].map((field) => `\${${field}}`)
  const format = `${fields.join('\\t')}\\n`
  // The archives are only there in between.
  const hook = `for deb in "$1"/var/cache/apt/archives/*.deb; do dpkg-deb --show --showformat='${format}' "$deb"; done > '${list}'`
  run(
    'mmdebstrap',
    [
      '--mode=root',
      '--variant=extract',
      '--quiet',
      `--architectures=${architecture.debian}`,
      `--include=${wanted.join()}`,
      `--extract-hook=${hook}`,
      suite,
      root,
    ],
    { SOURCE_DATE_EPOCH: epoch },
  )
  const found = lines(list).map((line) => {
    const [name = '', version = '', arch = '', source = ''] = line.split('\t')
    return { name, version, architecture: arch, source }
  })
  if (found.length < wanted.length) throw new Error(`only ${found.length} packages were unpacked`)
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function lines(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

/** The one version of the kernel that is there. */
export function kernelRelease(root: string): string {
  const releases = ask('ls', [join(root, 'usr/lib/modules')])
    .trim()
    .split('\n')
  const [release] = releases
  if (release === undefined || releases.length !== 1) throw new Error(`one kernel was expected, not: ${releases.join(', ')}`)
  return release
}

export function writePackageList(packages: readonly DebianPackage[], file: string): void {
  writeFileSync(file, packages.map(({ name, version }) => `${name} ${version}\n`).join(''))
}
