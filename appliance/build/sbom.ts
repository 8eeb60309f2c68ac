import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Package } from '../../scripts/bundle/packages.ts'
import type { Architecture } from './architectures.ts'
import type { DebianPackage } from './packages.ts'

interface Inside {
  readonly version: string
  readonly architecture: Architecture
  readonly packages: readonly DebianPackage[]
  readonly program: string
  readonly root: string
  readonly epoch: string
}

function npmPackages(program: string): Package[] {
  return JSON.parse(readFileSync(join(program, 'packages.json'), 'utf8')) as Package[]
}

/** The list of parts in the form of CycloneDX 1.6. */
export function writeSbom({ version, architecture, packages, program, root, epoch }: Inside, file: string): void {
  const nodeManifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>
  }
  const node = nodeManifest.optionalDependencies[`node-linux-${architecture.node}`]
  const debian = packages.map((one) => ({
    type: 'library',
    name: one.name,
    version: one.version,
    purl: `pkg:deb/debian/${one.name}@${encodeURIComponent(one.version)}?arch=${one.architecture}&distro=debian-13`,
    properties: [{ name: 'debian:source', value: one.source }],
  }))
  const npm = npmPackages(program).map((one) => ({
    type: 'library',
    name: one.name,
    version: one.version,
    licenses: [/^[A-Za-z0-9.+-]+$/.test(one.license) ? { license: { id: one.license } } : { expression: one.license }],
    purl: `pkg:npm/${one.name.replace('@', '%40')}@${one.version}`,
  }))
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(Number(epoch) * 1000).toISOString(),
      component: { type: 'operating-system', name: 'hausbote', version, licenses: [{ license: { id: 'Apache-2.0' } }] },
    },
    components: [...debian, ...npm, { type: 'application', name: 'node', version: node, purl: `pkg:generic/node@${node}` }],
  }
  writeFileSync(file, `${JSON.stringify(document, undefined, 2)}\n`)
}

/** The licences of all parts, in full: Debian's packages once for each source, then the packages of the program. */
export function writeLicences({ packages, program }: Inside, file: string): void {
  const work = join(program, '..')
  const bySource = new Map<string, string[]>()
  for (const one of packages) {
    const text = join(work, 'root/usr/share/doc', one.name, 'copyright')
    const group = bySource.get(one.source) ?? []
    bySource.set(one.source, existsSync(text) && group.length === 0 ? [readFileSync(text, 'utf8').trim()] : group)
  }
  const missing = [...bySource].flatMap(([source, texts]) => (texts.length === 0 ? [source] : []))
  const line = '='.repeat(80)
  const debian = [...bySource].flatMap(([source, [text]]) =>
    text === undefined ? [] : [`${line}\nDebian source package ${source}\n\n${text}\n`],
  )
  const text = (name: string) => readFileSync(join(program, name), 'utf8')
  const note =
    missing.length === 0 ? '' : `${line}\nTheir texts come with another package of the same source: ${missing.join(', ')}\n`
  writeFileSync(
    file,
    `${debian.join('\n')}\n${note}\n${line}\nPackages of the program\n\n${text('LICENSES.txt')}\n${line}\nNode\n\n${text('NODE-LICENSE.txt')}`,
  )
}
