import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './programs.ts'

const file = join(root, 'docs', 'benchmarks.md')
const [begin, end] = ['<!-- results: npm run bench -- --write -->', '<!-- end of results -->']

/** Puts the results between their marks in docs/benchmarks.md; throws where the marks are not. */
export function writeResults(head: readonly string[], table: string): void {
  const text = readFileSync(file, 'utf8')
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file}: the marks of the results are not there`)
  const results = [begin, '', ...head.map((line) => `* ${line}`), '', table, '', end].join('\n')
  writeFileSync(file, `${text.slice(0, from)}${results}${text.slice(to + end.length)}`)
}
