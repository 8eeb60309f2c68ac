import { pino } from 'pino'
import type { Log } from '../../src/platform/log.ts'

/** A log whose lines a test can read. */
export function capturedLog(): { readonly log: Log; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'trace', base: null }, { write: (line: string) => lines.push(JSON.parse(line)) })
  return { log, lines }
}
