// From a checkout to a flash file and update files: `npm run appliance:build -- --arch x64 --version 0.2.0`. See README.md.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { architectures } from './build/architectures.ts'
import { buildBoxPrograms } from './build/box-programs.ts'
import { configureRoot } from './build/configure.ts'
import { buildDisk } from './build/disk.ts'
import { buildInitrd } from './build/initrd.ts'
import { kernelRelease, unpackPackages } from './build/packages.ts'
import { writeRelease } from './build/release.ts'
import { run, say } from './build/run.ts'
import { createTools, requirePrograms } from './build/tools.ts'

const root = resolve(import.meta.dirname, '..')
const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: 'x64' },
    version: { type: 'string' },
    out: { type: 'string' },
    /** Private key for the signature of the update files; without one they are not signed, and no box takes them. */
    key: { type: 'string' },
    /** Public key that the box believes, beside those in appliance/keys. */
    'trust-key': { type: 'string' },
    /** Files that replace those of the image: for tests of updates that go wrong. */
    overlay: { type: 'string' },
  },
})
if (values.arch !== 'x64' && values.arch !== 'arm64') throw new Error('--arch must be x64 or arm64')
const architecture = architectures[values.arch]
const packaged = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const version = values.version ?? packaged.version
if (!/^\d{1,4}\.\d{1,4}\.\d{1,4}$/.test(version)) throw new Error('--version must be three numbers, such as 0.2.0')
const out = resolve(values.out ?? join(root, 'build', 'appliance', `${version}-${values.arch}`))

requirePrograms()
const build = join(root, 'build', 'appliance')
mkdirSync(build, { recursive: true })
const appliance = import.meta.dirname
const epoch = sourceDate()
const tools = createTools(build)

say('program')
const program = join(tools.work, 'program')
run(process.execPath, [join(root, 'scripts/bundle.ts'), '--arch', values.arch, '--version', version, '--out', program])
await buildBoxPrograms(appliance, join(program, 'box'))

say(`packages of Debian for ${architecture.debian}`)
const system = join(tools.work, 'root')
const packages = unpackPackages(appliance, architecture, system, epoch)
const release = kernelRelease(system)
tools.run('depmod', ['--basedir', '/work/root', release])

say(`kernel ${release} and initial RAM disk`)
writeFileSync(join(tools.work, 'initrd.img'), buildInitrd(appliance, tools, system, release))
cpSync(join(system, 'boot', `vmlinuz-${release}`), join(tools.work, 'vmlinuz'))
const boot = join(system, 'usr/lib/systemd/boot/efi')
cpSync(join(boot, `linux${architecture.efi}.efi.stub`), join(tools.work, 'stub.efi'))
cpSync(join(boot, `systemd-boot${architecture.efi}.efi`), join(tools.work, 'loader.efi'))

say('root file system')
configureRoot(appliance, tools, system, { version, architecture: values.arch }, epoch)
tools.run('depmod', ['--basedir', '/work/root', release])
// The sandbox of the server: 2.0 or better, as systemd counts it.
tools.run('systemd-analyze', [
  'security',
  '--offline=true',
  '--root=/work/root',
  '--threshold=20',
  '--no-pager',
  'hausbote.service',
])
const node = join(system, 'usr/lib/hausbote/node')
for (const name of ['bundle', 'box', 'drizzle', 'node_modules', 'package.json', 'LICENSE', 'LICENSES.txt'])
  cpSync(join(program, name), join(system, 'usr/lib/hausbote', name), { recursive: true })
cpSync(nodeBinary(), node)
cpSync(join(nodeBinary(), '../../LICENSE'), join(program, 'NODE-LICENSE.txt'))
cpSync(join(program, 'NODE-LICENSE.txt'), join(system, 'usr/lib/hausbote/NODE-LICENSE.txt'))
if (values['trust-key']) cpSync(values['trust-key'], join(system, 'usr/lib/hausbote/keys/trusted.pem'))
if (existsSync(join(appliance, 'keys')))
  cpSync(join(appliance, 'keys'), join(system, 'usr/lib/hausbote/keys'), { recursive: true })
if (values.overlay) cpSync(values.overlay, system, { recursive: true, force: true })
const name = `hausbote_${version}_${values.arch}`
const files = buildDisk({ appliance, tools, architecture, version, name, epoch, release })

say('files of the release')
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
writeRelease({ out, files, name, version, architecture, packages, program, key: values.key, root, epoch })
process.stdout.write(`${out}\n`)

/** Seconds since 1970 of the newest commit, so that two builds of one commit have the same dates inside. */
function sourceDate(): string {
  if (process.env.SOURCE_DATE_EPOCH !== undefined) return process.env.SOURCE_DATE_EPOCH
  return execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }).trim()
}

function nodeBinary(): string {
  const own = join(root, 'node_modules', `node-linux-${architecture.node}`, 'bin/node')
  if (existsSync(own)) return own
  const folder = join(build, `node-${architecture.node}`)
  const binary = join(folder, 'node_modules', `node-linux-${architecture.node}`, 'bin/node')
  if (existsSync(binary)) return binary
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const wanted = `node-linux-${architecture.node}@${optionalDependencies[`node-linux-${architecture.node}`]}`
  run('npm', [
    'install',
    '--prefix',
    folder,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--force',
    `--cpu=${architecture.node}`,
    wanted,
  ])
  return binary
}
