import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/** What a run of the tests showed about the operations of the specification, each as `GET /path`. */
export interface RunRecord {
  /** A test called it, and the judge accepted the successful answer. */
  readonly judged: ReadonlySet<string>
  /** The application has an endpoint for it. Undefined when no test asked. */
  readonly mounted: ReadonlySet<string> | undefined
}

/** Collects the lines of all workers of this run: the main process of the test runner names it, its workers are told. */
export const recordFile = join(tmpdir(), `hausbote-test-run-${process.pid}.jsonl`)

/** The record of the last whole run, from which the table is written. */
const lastRun = join(resolve(import.meta.dirname, '..', '..'), 'node_modules', '.cache', 'hausbote', 'last-run.jsonl')

export type RecordLine = { readonly judged: string } | { readonly mounted: readonly string[] }

/** Merges what the workers wrote. */
export function mergeRecord(text: string): RunRecord {
  const judged = new Set<string>()
  let mounted: Set<string> | undefined
  for (const line of text.split('\n')) {
    if (line === '') continue
    const entry = JSON.parse(line) as RecordLine
    if ('judged' in entry) judged.add(entry.judged)
    else mounted = new Set(entry.mounted)
  }
  return { judged, mounted }
}

export function keepRecord(text: string): void {
  mkdirSync(dirname(lastRun), { recursive: true })
  writeFileSync(lastRun, text)
}

/** Undefined before the first whole run. */
export function keptRecord(): RunRecord | undefined {
  return existsSync(lastRun) ? mergeRecord(readFileSync(lastRun, 'utf8')) : undefined
}
