import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { TestProject } from 'vitest/node'
import { descriptionFolder, readDescription } from './api-description.ts'
import { judgedFile } from './judged-file.ts'

/** Once per run: parses the description before the workers need it, and begins the record of what they judged. */
export default function setup(project: TestProject): void {
  const folder = descriptionFolder()
  if (folder) readDescription(folder)
  mkdirSync(dirname(judgedFile), { recursive: true })
  writeFileSync(judgedFile, '')
  project.provide('judgedFile', judgedFile)
}
