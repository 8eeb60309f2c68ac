import { copyFile, readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Plugin } from 'esbuild'

/** How a source file names another one that it starts or reads: a worker, a child process, a style sheet. */
const besideThis = /new URL\(\s*'(\.{1,2}\/[^']+)'\s*,\s*import\.meta\.url\s*\)/g
/** The one other place that a source file may name: the folder of the migrations, which stands beside the bundle as it does beside `src`. */
const migrationsFolder = "join(import.meta.dirname, '..', 'drizzle')"

/** Programs that `source` starts by their path, relative to it. */
export function programsBeside(source: string): string[] {
  return [...source.matchAll(besideThis)].flatMap(([, path = '']) => (path.endsWith('.ts') ? [path] : []))
}

/**
 * A bundle lies flat in one folder, so what a source file finds through its own address must be found there: programs become entries of
 * their own (`programsBeside`), other files are copied. An address of any other form would only fail on the box, and is refused here.
 */
export function keepBeside(sources: string, out: string): Plugin {
  const copied = new Map<string, string>()

  async function rewritten(file: string): Promise<string> {
    const text = await readFile(file, 'utf8')
    const copies: [string, string][] = []
    const contents = text.replaceAll(besideThis, (_, path: string) => {
      const name = basename(path)
      if (!path.endsWith('.ts')) copies.push([resolve(dirname(file), path), name])
      return `new URL('./${name.replace(/\.ts$/, '.js')}', import.meta.url)`
    })
    for (const [from, name] of copies) {
      const other = copied.get(name)
      if (other !== undefined && other !== from) throw new Error(`${from} and ${other} would have the same name in the bundle`)
      copied.set(name, from)
      await copyFile(from, join(out, name))
    }
    const left = contents.replaceAll(besideThis, '').replaceAll(migrationsFolder, '')
    if (/import\.meta\.(url|dirname|filename|resolve)/.test(left))
      throw new Error(`${file}: finds a file in a way that the bundle does not know; write new URL('./name', import.meta.url)`)
    return contents
  }

  return {
    name: 'beside',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (!path.startsWith(sources)) return undefined
        return { contents: await rewritten(path), loader: 'ts' }
      })
    },
  }
}

/** What the program reads of its own manifest: only this, and the version that it is built as. */
export function manifestOfVersion(file: string, version: string): Plugin {
  return {
    name: 'manifest',
    setup(build) {
      build.onLoad({ filter: /package\.json$/ }, ({ path }) =>
        path === file ? { contents: JSON.stringify({ version }), loader: 'json' } : undefined,
      )
    },
  }
}
