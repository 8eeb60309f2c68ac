import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/** The name that Node and its packages give the processor. */
export type Arch = 'x64' | 'arm64'

export interface Package {
  readonly name: string
  readonly version: string
  readonly license: string
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** Packages that hold machine code and are therefore not part of the bundle but stand beside it. */
export const nativePackages = ['better-sqlite3', 'sharp', '@node-rs/argon2'] as const
/** Only compiles what is prebuilt here. */
const compilers: ReadonlySet<string> = new Set(['node-addon-api'])
/** What a package needs to run and what its licence asks for. */
const wantedFile = /\.(c?js|mjs|node)$|\.so(\.\d+)*$|\/package\.json$|\/versions\.json$|\/licen[cs]e[^/]*$/i

/** The folder of the installed packages for `arch`: the repository's own, or one that npm fills for a foreign processor. */
export function packagesFor(arch: Arch, root: string): string {
  if (arch === process.arch) return join(root, 'node_modules')
  const lock = readFileSync(join(root, 'package-lock.json'))
  const key = createHash('sha256').update(lock).digest('hex').slice(0, 16)
  const folder = join(root, 'build', `packages-${arch}-${key}`)
  if (existsSync(folder)) return join(folder, 'node_modules')
  const partial = `${folder}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(root, file), join(partial, file))
  const target = [`--cpu=${arch}`, '--os=linux', '--libc=glibc']
  const words = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...target]
  const { status, error } = spawnSync('npm', words, { cwd: partial, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error(`npm could not fetch the packages for ${arch} (${error?.message ?? `exit code ${status}`})`)
  renameSync(partial, folder)
  return join(folder, 'node_modules')
}

export function manifestOf(modules: string, name: string): Manifest {
  return JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')) as Manifest
}

export function describe({ name, version, license = 'unknown' }: Manifest): Package {
  return { name, version, license }
}

/** Copies the native packages, with all that they load at run time on `arch`, into `out`; throws when one is not there. */
export function copyNativePackages(modules: string, arch: Arch, out: string): Package[] {
  const waiting: string[] = [...nativePackages]
  const copied = new Map<string, Package>()
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (copied.has(name)) continue
    const manifest = manifestOf(modules, name)
    copyPackage(join(modules, name), join(out, name), arch)
    copied.set(name, describe(manifest))
    waiting.push(...Object.keys(manifest.dependencies ?? {}).filter((needed) => !compilers.has(needed)))
    // One for each kind of machine, of which npm installed what fits.
    waiting.push(...Object.keys(manifest.optionalDependencies ?? {}).filter((one) => existsSync(join(modules, one))))
  }
  requireMachineCode(out, copied, arch)
  return [...copied.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function copyPackage(from: string, to: string, arch: Arch): void {
  cpSync(from, to, {
    recursive: true,
    filter(path) {
      const inside = path.slice(from.length)
      if (/^\/(src|build|deps|node_modules)(\/|$)/.test(inside)) return false
      // better-sqlite3 brings every kind of machine in one package.
      if (/^\/prebuilds\/./.test(inside)) return basename(inside) === `linux-${arch}.node`
      return !/\/[^/]+\.[^/]+$|\/licen[cs]e/i.test(inside) || wantedFile.test(inside)
    },
  })
}

/** A package without its binary loads nowhere; that shall be seen here and not on the box. */
function requireMachineCode(out: string, copied: ReadonlyMap<string, Package>, arch: Arch): void {
  const machine = { x64: 0x3e, arm64: 0xb7 }[arch]
  const binaries = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.node'))
  for (const file of binaries) {
    if (readFileSync(join(out, file)).readUInt16LE(18) !== machine) throw new Error(`${file} is not for ${arch}`)
  }
  if (binaries.length !== nativePackages.length)
    throw new Error(
      `${[...copied.keys()].join(', ')} bring ${binaries.length} binaries for ${arch}, not ${nativePackages.length}`,
    )
}

/** Names of the packages that the bundle's inputs lie in, from paths such as `node_modules/@scope/name/index.js`. */
export function packagesAmong(inputs: readonly string[]): string[] {
  const names = inputs.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [])
  return [...new Set(names)].sort()
}

/** Writes which packages are inside, with their licences in full beside the list. */
export function writeNotices(modules: string, packages: readonly Package[], out: string): void {
  const texts = packages.map(({ name, version, license }) => {
    const files = readdirSync(join(modules, name)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    const text = files.map((file) => readFileSync(join(modules, name, file), 'utf8').trim()).join('\n\n')
    return `${name} ${version} (${license})\n\n${text === '' ? 'The package brings no text of its licence.' : text}\n`
  })
  writeFileSync(join(out, 'LICENSES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`))
  writeFileSync(join(out, 'packages.json'), `${JSON.stringify(packages, undefined, 2)}\n`)
}
