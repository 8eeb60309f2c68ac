// Writes the next migration in drizzle/ from the tables declared under src/: `npm run schema -- NAME`.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const directory = 'drizzle'
const before = new Set(readdirSync(directory))
const name = process.argv[2]
if (!name) throw new Error('usage: npm run schema -- NAME')
const run = spawnSync(process.execPath, ['node_modules/drizzle-kit/bin.cjs', 'generate', '--name', name], { stdio: 'inherit' })
if (run.status !== 0) process.exit(run.status ?? 1)
for (const file of readdirSync(directory)) {
  if (before.has(file) || !file.endsWith('.sql')) continue
  const sql = readFileSync(`${directory}/${file}`, 'utf8').replaceAll('--> statement-breakpoint\n', '\n')
  writeFileSync(`${directory}/${file}`, sql.replaceAll(/CREATE TABLE [\s\S]*?\n\);/g, withoutRowid))
}

/** A table whose key is not one integer is its own index: one tree instead of two. Drizzle cannot say so. */
function withoutRowid(table: string): string {
  if (/`\w+` integer PRIMARY KEY/.test(table) || !/PRIMARY KEY/.test(table)) return table
  return table.replace(/\n\);$/, '\n) WITHOUT ROWID;')
}
