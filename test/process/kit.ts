import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

/** A server for one test; it prints failures only. */
export async function serverProcess(settings: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const server = await startServerProcess({ HAUSBOTE_LOG_LEVEL: 'error', ...settings })
  onTestFinished(() => server.remove())
  return server
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return directory
}
