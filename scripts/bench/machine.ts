import { execFileSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, tmpdir, totalmem } from 'node:os'
import { root } from './programs.ts'

/** `f_type` of file systems in memory: nothing is durable there, and an fsync costs nothing. */
const memoryFileSystems = [0x01021994, 0x858458f6]

/** The usual place for temporary files if it is on a real disk, else the one that survives a restart. */
export function diskDirectory(chosen?: string): string {
  const places = chosen === undefined ? [tmpdir(), '/var/tmp'] : [chosen]
  const place = places.find((path) => !memoryFileSystems.includes(statfsSync(path).type))
  if (place === undefined)
    throw new Error(`${places.join(' and ')}: in memory, not on a disk; name another place with --directory`)
  return place
}

/** What the figures depend on: the machine, the program and how busy others were, for the head of the results. */
export function circumstances(): string[] {
  return [
    `Machine: ${availableParallelism()} cores of ${cpus()[0]?.model ?? 'unknown'}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, Linux ${release()}.`,
    `Program: ${revision()}, Node ${process.versions.node}.`,
  ]
}

/** Processes that ran or waited to run, mean of the last minute. */
export const loadNow = (): string => loadavg()[0]?.toFixed(1) ?? ''

function revision(): string {
  try {
    const git = (...words: string[]) =>
      execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const changed = git('status', '--porcelain', '--', 'src', 'drizzle', 'package-lock.json') !== ''
    return `commit ${git('rev-parse', '--short', 'HEAD').trim()}${changed ? ' with changes' : ''}`
  } catch {
    // A copy without its history.
    return 'unknown commit'
  }
}
