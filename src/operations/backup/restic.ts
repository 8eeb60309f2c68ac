import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Milliseconds, Timers } from '../../platform/clock.ts'
import { BackupProblem, resticProblem } from './problems.ts'
import { sftpCommand } from './target.ts'

/** Where restic finds one repository, and the secret that opens it. */
export interface RepositoryAccess {
  /** As restic writes it: a directory, `sftp:user@host:/path`, `s3:https://host/bucket/path`. */
  readonly repository: string
  /** A file with the repository's name: on the command line everybody on the machine could read a password in it. */
  readonly repositoryFile: string
  readonly passphraseFile: string
  readonly cacheDirectory: string
  /** For `ssh`; undefined: what the user has. */
  readonly sshDirectory: string
  /** What the program finds in its environment: PATH, credentials of S3. */
  readonly environment: Readonly<Record<string, string>>
}

/** One line of restic's JSON output. */
export type ResticLine = Readonly<Record<string, unknown>>

export interface ResticOptions {
  readonly directory?: string
  readonly signal?: AbortSignal | undefined
  /** For how long it may run; undefined: as long as it takes. */
  readonly limit?: Milliseconds
  onLine?(line: ResticLine): void
}

/** Runs restic; resolves with its exit code, 0 or one of `accepted`. Rejects with a `BackupProblem`. */
export type Restic = (words: readonly string[], options?: ResticOptions, accepted?: readonly number[]) => Promise<number>

/** Time to leave the repository tidy after being asked to stop. */
const grace: Milliseconds = 5000
/** Characters of what it complains about. */
const maxSaid = 16_384

/** The restic program on this repository; `program` is found on PATH. */
export function createRestic(access: RepositoryAccess, timers: Timers, program = 'restic'): Restic {
  const ssh = sftpCommand(access.repository, access.sshDirectory)
  const always = [
    '--json',
    ...['--repository-file', access.repositoryFile],
    ...['--password-file', access.passphraseFile],
    ...['--cache-dir', access.cacheDirectory],
    ...(ssh === undefined ? [] : ['--option', `sftp.command=${ssh}`]),
  ]

  return async (words, { directory, signal, limit, onLine } = {}, accepted = []) => {
    if (signal?.aborted) throw new BackupProblem('failed', 'The server stops.')
    const child = spawn(program, [...always, ...words], {
      cwd: directory,
      env: access.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let tooSlow = false
    let cancelKill: () => void = () => undefined
    const stop = () => {
      // It removes its lock; a lock that stays is recognised as dead by the next run.
      child.kill('SIGINT')
      cancelKill = timers.after(grace, () => child.kill('SIGKILL'))
    }
    const cancelLimit =
      limit === undefined
        ? () => undefined
        : timers.after(limit, () => {
            tooSlow = true
            stop()
          })
    signal?.addEventListener('abort', stop)
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-maxSaid)))
    const lines = createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY })
    lines.on('line', (text) => {
      const line = onLine && readLine(text)
      if (line) onLine?.(line)
    })
    try {
      const code = await ended(child)
      if (code === 0 || (code !== null && accepted.includes(code))) return code
      if (tooSlow) throw new BackupProblem('too-slow', 'The place of the backup does not answer in time.')
      throw signal?.aborted ? new BackupProblem('failed', 'The server stops.') : resticProblem(code, said)
    } finally {
      signal?.removeEventListener('abort', stop)
      cancelLimit()
      cancelKill()
    }
  }
}

function ended(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT'
      const message = missing ? 'The program restic is not installed (Debian: apt install restic).' : error.message
      reject(new BackupProblem(missing ? 'no-restic' : 'failed', message))
    })
    child.once('close', (code) => resolve(code))
  })
}

/** Some commands mix plain sentences into their JSON. */
function readLine(text: string): ResticLine | undefined {
  if (!text.startsWith('{') && !text.startsWith('[')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? { list: value } : (value as ResticLine)
  } catch {
    return undefined
  }
}
