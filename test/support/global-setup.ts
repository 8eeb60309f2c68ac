import { rmSync, writeFileSync } from 'node:fs'
import type { TestProject } from 'vitest/node'
import { descriptionFolder, readDescription } from './api-description.ts'
import { recordFile } from './run-record.ts'

/** Once per run: parses the description before the workers need it, and begins the record of what they judge. */
export default function setup(project: TestProject): () => void {
  const folder = descriptionFolder()
  if (folder) readDescription(folder)
  writeFileSync(recordFile, '')
  project.provide('recordFile', recordFile)
  return () => rmSync(recordFile, { force: true })
}
