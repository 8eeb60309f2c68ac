// All checks of the repository, the quick ones first: `npm run verify`. What stands behind `--` goes to the test runner.
import { spawnSync } from 'node:child_process'

// Biome paints files and pipes too.
const colours = process.stdout.isTTY ? [] : ['--colors=off']
const steps: readonly (readonly [name: string, program: string, ...words: string[]])[] = [
  ['format and lint', 'node_modules/@biomejs/biome/bin/biome', 'ci', '--error-on-warnings', ...colours],
  ['unused files, exports and packages', 'node_modules/knip/bin/knip.js'],
  ['types', 'node_modules/typescript/bin/tsc', '--project', '.'],
  // The architecture is a test among them.
  ['tests', 'node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)],
]

for (const [name, ...command] of steps) {
  process.stdout.write(`\n== ${name}\n`)
  const { status, signal, error } = spawnSync(process.execPath, command, { stdio: 'inherit' })
  if (status === 0) continue
  // The tests say themselves what failed, and end with their counts.
  if (name !== 'tests')
    process.stderr.write(`\n== ${name}: failed${error ? ` (${error.message})` : signal ? ` (${signal})` : ''}\n`)
  process.exit(status ?? 1)
}
