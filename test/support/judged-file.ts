import { join, resolve } from 'node:path'

/** Of this run: the main process of the test runner names it, its workers are told. */
export const judgedFile = join(
  resolve(import.meta.dirname, '..', '..'),
  'node_modules',
  '.cache',
  'hausbote',
  `judged-${process.pid}.jsonl`,
)
