// The server as a few files that need no installation: `npm run bundle -- [--arch x64|arm64] [--out DIR] [--version V]`, then `node DIR/bundle/main.js`.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { keepBeside, manifestOfVersion, programsBeside } from './bundle/beside.ts'
import { latePackages } from './bundle/late-packages.ts'
import {
  type Arch,
  copyNativePackages,
  describe,
  manifestOf,
  nativePackages,
  packagesAmong,
  packagesFor,
  writeNotices,
} from './bundle/packages.ts'

const root = resolve(import.meta.dirname, '..')
const sources = join(root, 'src')

const { values } = parseArgs({
  options: { arch: { type: 'string', default: process.arch }, out: { type: 'string' }, version: { type: 'string' } },
})
if (values.arch !== 'x64' && values.arch !== 'arm64') throw new Error('--arch must be x64 or arm64')
const arch: Arch = values.arch
const out = resolve(values.out ?? join(root, 'build', `hausbote-${arch}`))

rmSync(out, { recursive: true, force: true })
mkdirSync(join(out, 'bundle'), { recursive: true })
const modules = packagesFor(arch, root)
const { name, license, version: ownVersion } = manifestOf(root, '.')
const version = values.version ?? ownVersion
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts', 'src/cli.ts', ...programs()],
  outdir: join(out, 'bundle'),
  entryNames: '[name]',
  chunkNames: 'part-[hash]',
  bundle: true,
  // What is only needed now and then stays out of memory until then.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: [...nativePackages],
  // V8 keeps the text of a program in memory as long as it runs. Names stay, for the lines of a stack trace to mean something.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  // Packages of the older kind expect it.
  banner: { js: "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);" },
  plugins: [latePackages(), keepBeside(sources, join(out, 'bundle')), manifestOfVersion(join(root, 'package.json'), version)],
  metafile: true,
  logLevel: 'warning',
})
cpSync(join(root, 'drizzle'), join(out, 'drizzle'), { recursive: true, filter: (path) => !path.endsWith('/meta') })
cpSync(join(root, 'LICENSE'), join(out, 'LICENSE'))
const native = copyNativePackages(modules, arch, join(out, 'node_modules'))
const bundled = packagesAmong(Object.keys(metafile.inputs)).map((name) => describe(manifestOf(modules, name)))
writeNotices(
  modules,
  [...bundled, ...native].sort((a, b) => (a.name < b.name ? -1 : 1)),
  out,
)
writeFileSync(
  join(out, 'package.json'),
  `${JSON.stringify({ name, version, license, type: 'module', private: true }, undefined, 2)}\n`,
)
process.stdout.write(
  `${relative(process.cwd(), out) || '.'}: Hausbote ${version} for ${arch}, ${bundled.length + native.length} packages inside\n`,
)

/** Programs that the server starts by their path: threads and processes of their own. */
function programs(): string[] {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  return files.flatMap((file) => {
    const path = join(sources, file)
    return programsBeside(readFileSync(path, 'utf8')).map((program) => relative(root, join(dirname(path), program)))
  })
}
