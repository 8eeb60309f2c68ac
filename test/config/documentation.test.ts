import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { settings } from '../../src/config.ts'

const repository = join(import.meta.dirname, '..', '..')

describe('the documentation', () => {
  it('names every setting as it is', () => {
    const rows = Object.entries(settings).map(
      ([name, { environment, values, fallbackText, about }]) =>
        `| \`${environment}\` | \`${name}\` | ${values} | ${fallbackText} | ${about} |`,
    )
    const documented = readFileSync(join(repository, 'docs', 'configuration.md'), 'utf8')
    expect(documented.split('\n').filter((line) => line.startsWith('| `HAUSBOTE_'))).toEqual(rows)
  })

  it('has one line for every dependency', () => {
    const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as Record<string, Record<string, string>>
    const names = ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((kind) => Object.keys(manifest[kind] ?? {}))
    expect(names.length).toBeGreaterThan(10)
    const documented = readFileSync(join(repository, 'docs', 'dependencies.md'), 'utf8')
    const lines = [...documented.matchAll(/^\| `([^`]+)` \| \S.+ \|$/gm)].map((match) => match[1] ?? '')
    expect(lines.sort()).toEqual(names.sort())
  })
})
