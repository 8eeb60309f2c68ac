// All that must hold before a change is good: `npm run verify`. Stops at the first step that fails; ends with the counts of the tests.
import { spawnSync } from 'node:child_process'

const steps: readonly (readonly [name: string, ...command: string[]])[] = [
  ['format and lint', 'node_modules/@biomejs/biome/bin/biome', 'ci'],
  ['nothing unused', 'node_modules/knip/bin/knip.js'],
  ['types', 'node_modules/typescript/bin/tsc', '--project', '.'],
  ['architecture and tests', 'node_modules/vitest/vitest.mjs', 'run'],
]

for (const [name, ...command] of steps) {
  process.stdout.write(`\n== ${name}\n`)
  const { status, signal, error } = spawnSync(process.execPath, command, { stdio: 'inherit' })
  if (status === 0) continue
  process.stderr.write(`\nverify: "${name}" failed (${error?.message ?? signal ?? `exit code ${status}`})\n`)
  process.exit(status || 1)
}
