import { type Logger, pino } from 'pino'

export type Log = Logger

/** Log lines are objects with ids and numbers, never contents, tokens or names of people. */
export function createLog(level: string): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime })
}

export const silentLog: Log = pino({ level: 'silent' })
