import { existsSync, readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import type { Reporter, TestModule, Vitest } from 'vitest/node'
import { descriptionFolder } from './api-description.ts'
import { apiTable, gapsOf } from './api-table.ts'
import { keepRecord, mergeRecord, recordFile } from './run-record.ts'

const root = resolve(import.meta.dirname, '..', '..')

/**
 * Ends a run: says when no response could be checked against the official API description, fails a run of all tests whose table
 * `docs/matrix-api.md` is not what the run showed, and counts. With `judged: false` it only counts: nothing is checked in that run.
 */
export default class ClosingReporter implements Reporter {
  readonly #judged: boolean
  #vitest: Vitest | undefined

  constructor({ judged = true }: { judged?: boolean } = {}) {
    this.#judged = judged
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  async onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): Promise<void> {
    const counts = countTests(modules)
    counts.failed += errors.length
    const lines: string[] = []
    if (this.#judged && descriptionFolder() === undefined) {
      lines.push(
        '!!! The official API description is not there: responses were NOT checked against it.',
        '!!! Put it into ../shared/matrix-spec, or name its folder in HAUSBOTE_MATRIX_SPEC.',
      )
    } else if (this.#judged && counts.failed === 0 && (await this.#isWhole(modules))) {
      const problems = checkTable()
      counts.failed += problems.length
      lines.push(...problems.map((problem) => `FAIL ${problem}`))
    }
    if (counts.failed > 0) process.exitCode = 1
    if (counts.skipped > 0) lines.push(`${counts.skipped} skipped`)
    // Always the last line, and always of this form, for those who read it by machine.
    lines.push(`${counts.passed} passed, ${counts.failed} failed`)
    process.stdout.write(`\n${lines.join('\n')}\n`)
  }

  /** Whether all tests ran, so that what was not called in this run is called nowhere. */
  async #isWhole(modules: readonly TestModule[]): Promise<boolean> {
    if (!this.#vitest || this.#vitest.config.testNamePattern) return false
    const ran = new Set(modules.map(({ moduleId }) => moduleId))
    const all = await this.#vitest.globTestSpecifications()
    return all.every(({ moduleId }) => ran.has(moduleId))
  }
}

function checkTable(): string[] {
  const text = readFileSync(recordFile, 'utf8')
  const record = mergeRecord(text)
  const gaps = gapsOf(record)
  if (gaps.length > 0) return gaps
  keepRecord(text)
  const file = resolve(root, 'docs', 'matrix-api.md')
  if (existsSync(file) && readFileSync(file, 'utf8') === apiTable(record)) return []
  return [`${relative(root, file)} is not what this run showed. This writes it anew: npm run api-table`]
}

/** A file that could not be run at all is a failure of its own. */
function countTests(modules: readonly TestModule[]): { passed: number; failed: number; skipped: number } {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const module of modules) {
    let failedHere = 0
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') counts.passed += 1
      else if (state === 'skipped') counts.skipped += 1
      else failedHere += 1
    }
    counts.failed += module.state() === 'failed' ? Math.max(failedHere, 1) : failedHere
  }
  return counts
}
