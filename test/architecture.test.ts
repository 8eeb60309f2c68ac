import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

/** From the ground up. What stands in one row are neighbours. docs/architecture.md says what lives where. */
const floors: readonly (readonly string[])[] = [
  ['storage', 'http', 'policy', 'matrix', 'platform'],
  ['federation'],
  ['accounts'],
  ['rooms'],
  [
    'sync',
    'keys',
    'to-device',
    'key-backup',
    'media',
    'push',
    'profiles',
    'directory',
    'receipts',
    'typing',
    'presence',
    'account-data',
    'search',
    'reports',
    'openid',
    'spaces',
    'server-info',
  ],
  ['operations', 'ti-messenger'],
  ['setup'],
  ['config-values'],
  ['config'],
  ['ground'],
  ['app'],
  ['box'],
  ['main', 'cli'],
]

/** The few imports between neighbours; the ground floor has an order of its own. */
const neighbours: Readonly<Record<string, readonly string[]>> = {
  storage: ['platform'],
  http: ['platform', 'matrix'],
  policy: ['matrix'],
}

/** Parts that may import nothing else from outside `src/`. */
const pure: Readonly<Record<string, readonly string[]>> = { matrix: ['node:crypto', '@noble/ed25519'], policy: [] }

/** What `config.ts` may know of all that lies below it. */
const configMayImport = ['http/listener.ts', 'config-values.ts']

/** Files that are the beginning of a process. */
const programs = ['main.ts', 'cli.ts', 'media/thumbnail-process.ts']

interface Source {
  /** Inside `src/`. */
  readonly path: string
  /** The folder, or the name of a file that stands in `src/` itself. */
  readonly part: string
  readonly text: string
  /** The text without comments and quoted strings. */
  readonly code: string
  readonly imports: readonly string[]
}

const repository = join(import.meta.dirname, '..')
const sources = typescriptFiles('src').map(readSource)

function typescriptFiles(directory: string): string[] {
  return readdirSync(join(repository, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs)$/.test(name))
    .map((name) => join(directory, name))
}

function readSource(file: string): Source {
  const path = file.replace(/^src\//, '')
  const text = readFileSync(join(repository, file), 'utf8')
  const found = text.matchAll(
    /\bfrom\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'|new URL\(\s*'([^']+)',\s*import\.meta\.url/gm,
  )
  return {
    path,
    part: path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.ts$/, ''),
    text,
    code: text.replaceAll(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, "''"),
    imports: [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? match[4] ?? ''),
  }
}

/** The file inside `src/` that an import means; undefined for a package or a module of Node. */
function target(source: Source, imported: string): string | undefined {
  return imported.startsWith('.') ? normalize(join(dirname(source.path), imported)) : undefined
}

function partOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.ts$/, '')
}

function floorOf(part: string): number {
  return floors.findIndex((floor) => floor.includes(part))
}

/** Lines `file: what` for all that `find` objects to. */
function objections(find: (source: Source) => readonly string[]): string[] {
  return sources.flatMap((source) => find(source).map((what) => `${source.path}: ${what}`))
}

/** Matches of `pattern` in the code of all files but those that `allowed` names. */
function uses(pattern: RegExp, allowed: (path: string) => boolean): string[] {
  return objections(({ path, code }) => (allowed(path) ? [] : [...code.matchAll(pattern)].map(([match]) => match)))
}

describe('the floors', () => {
  it('are held against real files and imports', () => {
    expect(sources.length).toBeGreaterThan(100)
    expect(sources.flatMap((source) => source.imports.filter((imported) => target(source, imported))).length).toBeGreaterThan(300)
    expect(sources.find(({ path }) => path === 'app.ts')?.imports).toContain('./storage/storage.ts')
  })

  it('have a place for every part', () => {
    expect(sources.filter(({ part }) => floorOf(part) < 0).map(({ path }) => path)).toEqual([])
  })

  it('only import what lies below, and no neighbours', () => {
    const reachesUp = objections((source) =>
      source.imports.filter((imported) => {
        const path = target(source, imported)
        if (path === undefined) return false
        const part = partOf(path)
        if (part === source.part || neighbours[source.part]?.includes(part)) return false
        return floorOf(part) >= floorOf(source.part)
      }),
    )
    expect(reachesUp).toEqual([])
  })

  it('keep the pure core pure', () => {
    const impure = objections(({ part, imports }) => {
      const allowed = pure[part]
      return allowed ? imports.filter((imported) => !imported.startsWith('.') && !allowed.includes(imported)) : []
    })
    expect(impure).toEqual([])
    expect(uses(/\b(async|await)\b/g, (path) => !Object.hasOwn(pure, partOf(path)))).toEqual([])
  })

  it('let the configuration know addresses and the protocol only', () => {
    const config = sources.find(({ path }) => path === 'config.ts')
    const inside = config?.imports.map((imported) => target(config, imported)).filter((path) => path !== undefined) ?? []
    expect(inside.length).toBeGreaterThan(0)
    expect(inside.filter((path) => partOf(path) !== 'matrix' && !configMayImport.includes(path))).toEqual([])
  })

  it('keep tables to the folder that declares them', () => {
    const foreign = objections((source) =>
      source.imports.filter((imported) => {
        const path = target(source, imported)
        return path?.endsWith('/tables.ts') && partOf(path) !== source.part
      }),
    )
    expect(foreign).toEqual([])
  })
})

describe('the code', () => {
  it('touches the process at its edge only', () => {
    expect(uses(/\bprocess\.\w+/g, (path) => programs.includes(path))).toEqual([])
    expect(objections(({ imports }) => imports.filter((imported) => imported === 'node:process'))).toEqual([])
  })

  it('takes time and randomness from the platform only', () => {
    const ambient =
      /(?<![.\w])(Date\.now|performance\.now|Math\.random|randomBytes|randomUUID|randomInt|getRandomValues|setTimeout|setInterval)\b|\bnew Date\(\)/g
    // The grace of a closing listener is about real connections.
    expect(uses(ambient, (path) => path.startsWith('platform/') || path === 'http/listener.ts')).toEqual([])
  })

  it('goes out of the process in one place only', () => {
    const net = /^node:(https?|http2|tls|dns|dns\/promises|dgram)$|^(undici|ws)$/
    const doors = ['federation/network.ts', 'platform/resolver.ts', 'http/listener.ts']
    const found = objections(({ path, imports }) =>
      doors.includes(path) ? [] : imports.filter((imported) => net.test(imported)),
    )
    // To check the values of headers.
    expect(found).toEqual(['http/mount.ts: node:http'])
    expect(uses(/(?<![.\w])fetch\(|\bnew WebSocket\b/g, () => false)).toEqual([])
  })

  it('compares room versions nowhere but in their table', () => {
    const literal = /[vV]ersion(?:\.id|Id)?\)*\s*(?:[!=]==?|[<>]=?)\s*['"]?\d{1,2}\b/g
    const found = objections(({ path, text }) =>
      path === 'matrix/room-versions.ts' ? [] : [...text.matchAll(literal)].map(([match]) => match),
    )
    expect(found).toEqual([])
  })

  it('has no file over 400 lines', () => {
    const files = ['src', 'test', 'scripts'].flatMap(typescriptFiles)
    const long = files.filter((file) => readFileSync(join(repository, file), 'utf8').split('\n').length > 401)
    expect(long).toEqual([])
  })
})
