import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

/** The programs of the box itself, beside those of the server and with its native packages. */
export async function buildBoxPrograms(appliance: string, out: string): Promise<void> {
  const folder = join(appliance, 'box')
  // A program begins by saying what it is; the others are parts of programs.
  const programs = readdirSync(folder).filter((file) => readFileSync(join(folder, file), 'utf8').startsWith('// '))
  await build({
    entryPoints: programs.map((file) => join(folder, file)),
    outdir: out,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: ['better-sqlite3'],
    legalComments: 'none',
    logLevel: 'warning',
  })
}
