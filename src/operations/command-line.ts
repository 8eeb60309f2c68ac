import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Milliseconds, Timers } from '../platform/clock.ts'
import { lockDirectory } from '../storage/lock.ts'
import type { BackupResult } from './backup/backup.ts'
import { backupJob, backupTestJob } from './backup/jobs.ts'
import { BackupProblem } from './backup/problems.ts'
import { type RestoreDeps, stageRestore } from './backup/restore.ts'
import { putInPlace } from './backup/restore-state.ts'
import type { RestoreReport } from './backup/restored-database.ts'
import { checkPrivate } from './backup/target.ts'
import type { TestResult } from './backup/test-restore.ts'
import { type TxtRecord, usualDirectory } from './certificates/certificates.ts'
import type { CertificateFacts } from './certificates/state.ts'
import type { OperationsCommand } from './commands.ts'
import { explainStatus } from './explain-status.ts'
import type { JobRun } from './job-runs.ts'
import { explainCheck } from './self-test/explain.ts'
import type { CheckResult } from './self-test/result.ts'
import type { Status } from './status.ts'

/** The terminal and the server, as the commands of this file need them. */
export interface CommandLine {
  say(line: string): void
  /** Typed without being shown, or from standard input. */
  readSecret(question: string): Promise<string>
  /** Asks the running server, or this process if none runs. Ends the command where it is refused. */
  ask<Answer>(command: OperationsCommand): Promise<Answer>
  readonly timers: Timers
  /** `serverName` undefined: whatever the snapshot says. */
  readonly restore: RestoreDeps & { readonly serverName: string | undefined }
}

/** A mistake in how a command was called. */
export class UsageProblem extends Error {}

export const operationsUsage = `  backup                                       make a snapshot now
  backup target PLACE [--passphrase-file FILE] say where snapshots go: a directory, sftp:USER@HOST:/PATH, s3:https://HOST/BUCKET
  backup test                                  restore the newest snapshot beside the data, and look whether it would do
  backup list                                  show all snapshots
  certificate request NAME... [--dns] [--email ADDRESS] [--authority URL]
                                               get a certificate by ACME; --dns: proof by records in the DNS, in two steps
  certificate continue                         the second step: the records are there
  certificate show                             show the certificate in use
  status [--json]                              show how the server is doing
  doctor [--json]                              look at the server from inside and over its public name
  support FILE                                 write a file for a technician, without contents, names or secrets
  restore PLACE [--snapshot ID] [--passphrase-file FILE]
                                               bring a snapshot back into an empty data directory, while no server runs
`

const poll: Milliseconds = 500

/** Whether `runOperation` carries out this command. */
export function isOperation(words: readonly string[]): boolean {
  return ['backup', 'restore', 'certificate', 'status', 'doctor', 'support'].includes(words[0] ?? '')
}

/** Carries out the commands of `operationsUsage`. Rejects with a sentence for the owner: `UsageProblem`, `BackupProblem`, `StorageProblem`. */
export function runOperation([noun, ...words]: readonly string[], line: CommandLine): Promise<void> {
  switch (noun) {
    case 'backup':
      return backupCommand(words, line)
    case 'certificate':
      return certificateCommand(words, line)
    case 'status':
      return statusCommand(words, line)
    case 'doctor':
      return doctorCommand(words, line)
    case 'support':
      return supportCommand(words, line)
    default:
      return restoreCommand(words, line)
  }
}

async function statusCommand(words: readonly string[], line: CommandLine): Promise<void> {
  const json = onlyJson(words)
  const status = await line.ask<Status>({ command: 'status' })
  for (const text of json ? [JSON.stringify(status, null, 2)] : explainStatus(status)) line.say(text)
}

async function doctorCommand(words: readonly string[], line: CommandLine): Promise<void> {
  const json = onlyJson(words)
  const { checks } = await line.ask<{ checks: CheckResult[] }>({ command: 'self-test' })
  for (const text of json ? [JSON.stringify(checks, null, 2)] : checks.map(explainCheck)) line.say(text)
}

async function supportCommand(words: readonly string[], line: CommandLine): Promise<void> {
  const [file, ...more] = words
  if (file === undefined || more.length > 0 || file.startsWith('-')) throw new UsageProblem('The name of the file is missing.')
  const { bundle } = await line.ask<{ bundle: string }>({ command: 'support bundle' })
  writeFileSync(file, Buffer.from(bundle, 'base64'), { mode: 0o600 })
  line.say(`${file} is written; look into it before you pass it on.`)
}

function onlyJson(words: readonly string[]): boolean {
  if (words.some((word) => word !== '--json')) throw new UsageProblem('Only --json is possible here.')
  return words.length > 0
}

async function backupCommand(words: readonly string[], line: CommandLine): Promise<void> {
  const { positionals, values } = read(words, ['passphrase-file'])
  const [verb, place, ...more] = positionals
  if (more.length > 0 || (place !== undefined && verb !== 'target')) throw new UsageProblem('There are too many words.')
  switch (verb) {
    case undefined:
      return runJob<BackupResult>(backupJob, line, describeBackup)
    case 'test':
      return runJob<TestResult>(backupTestJob, line, describeTest)
    case 'list': {
      const { snapshots } = await line.ask<{ snapshots: { id: string; time: string }[] }>({ command: 'backup list' })
      for (const { id, time } of snapshots) line.say(`${id.slice(0, 8)}  ${time.slice(0, 19)}`)
      return snapshots.length === 0 ? line.say('There is no snapshot yet.') : undefined
    }
    case 'target': {
      if (place === undefined) throw new UsageProblem('The place of the backup is missing.')
      const passphrase = await passphraseFrom(values['passphrase-file'], line)
      const wish = { command: 'backup target', repository: place, passphrase, environment: {} } as const
      const { created } = await line.ask<{ created: boolean }>(wish)
      return line.say(created ? 'A new backup was begun there.' : 'The backup that is there is continued.')
    }
    default:
      throw new UsageProblem(`There is no command "backup ${verb}".`)
  }
}

function describeBackup({ snapshot, events, files, totalBytes, addedBytes, incomplete }: BackupResult): string {
  const vanished = incomplete ? ' Some files vanished meanwhile, as deleted media do.' : ''
  return `Snapshot ${snapshot} is made: ${events} events, ${files} files, ${size(totalBytes)}, of which ${size(addedBytes)} are new.${vanished}`
}

function describeTest({ snapshot, madeAt, events, users, bytes, media }: TestResult): string {
  const without = media ? '' : ' There was no space for the media, which were left out.'
  return `Snapshot ${snapshot.slice(0, 8)} of ${madeAt.slice(0, 19)} would do: ${users} accounts, ${events} events, ${size(bytes)}.${without}`
}

const size = (bytes: number) => `${(bytes / 1_000_000).toFixed(1)} MB`

/** Has a job run to its end, and says how it went on. */
async function runJob<Found>(name: string, line: CommandLine, done: (found: Found) => string): Promise<void> {
  const last = async (): Promise<JobRun | undefined> => {
    const { jobs } = await line.ask<{ jobs: { name: string; last?: JobRun }[] }>({ command: 'job states' })
    return jobs.find((job) => job.name === name)?.last
  }
  const before = await last()
  await line.ask({ command: 'job start', name })
  for (;;) {
    const run = await last()
    const ended = run !== undefined && run.result !== 'running'
    // The run under way when this was asked for is as good as one of its own.
    if (ended && (run.startedAt !== before?.startedAt || before.result === 'running')) {
      if (run.result === 'done') return line.say(done(run.detail as Found))
      throw new BackupProblem('failed', (run.detail as { problem?: string } | null)?.problem ?? 'It was interrupted.')
    }
    await new Promise<void>((resolve) => line.timers.after(poll, resolve))
  }
}

async function certificateCommand(words: readonly string[], line: CommandLine): Promise<void> {
  const dns = words.includes('--dns')
  const { positionals, values } = read(
    words.filter((word) => word !== '--dns'),
    ['email', 'authority'],
  )
  const [verb, ...names] = positionals
  if (verb === 'request' && names.length > 0) {
    const wish = {
      names,
      proof: dns ? 'dns' : 'http',
      directory: values.authority ?? usualDirectory,
      email: values.email ?? null,
    } as const
    const answer = await line.ask<CertificateFacts | { records: TxtRecord[] }>({ command: 'certificate request', ...wish })
    if (!('records' in answer)) return showCertificate(answer, line)
    line.say('Put these TXT records into the DNS, wait until they can be seen, then call "certificate continue":')
    for (const { name, value } of answer.records) line.say(`${name}  ${value}`)
    return
  }
  if (names.length > 0 || dns) throw new UsageProblem('There are too many words.')
  if (verb === 'continue') return showCertificate(await line.ask<CertificateFacts>({ command: 'certificate continue' }), line)
  if (verb !== 'show')
    throw new UsageProblem('It is "certificate request NAME...", "certificate continue" or "certificate show".')
  const { current } = await line.ask<{ current: CertificateFacts | null }>({ command: 'certificate show' })
  return current ? showCertificate(current, line) : line.say('There is no certificate.')
}

function showCertificate({ names, issuer, notAfter }: CertificateFacts, line: CommandLine): void {
  line.say(`The certificate for ${names.join(', ')} by ${issuer} lasts until ${new Date(notAfter).toISOString().slice(0, 10)}.`)
}

async function restoreCommand(words: readonly string[], line: CommandLine): Promise<void> {
  const { positionals, values } = read(words, ['passphrase-file', 'snapshot', 'repository'])
  const [place, ...more] = [...(values.repository === undefined ? [] : [values.repository]), ...positionals]
  if (place === undefined || more.length > 0) throw new UsageProblem('One place to restore from is needed.')
  const { directory, serverName } = line.restore
  const unlock = lockDirectory(directory)
  let shown = -1
  try {
    const passphrase = await passphraseFrom(values['passphrase-file'], line)
    const wish = { target: { repository: place, passphrase }, snapshot: values.snapshot ?? 'latest', serverName }
    await stageRestore(line.restore, wish, new AbortController().signal, ({ step, fraction }) => {
      const tenth = Math.floor(fraction * 10)
      if (step !== 'fetch' || tenth <= shown) return
      shown = tenth
      line.say(`${tenth * 10} % fetched`)
    })
    const report = putInPlace(directory)
    if (report) for (const sentence of sentences(report)) line.say(sentence)
    if (serverName === undefined)
      line.say(`Unless it was set up on its page, HAUSBOTE_SERVER_NAME must be ${report?.serverName}.`)
  } finally {
    unlock()
  }
}

/** What the owner should know about a restore. */
function sentences(report: RestoreReport): readonly string[] {
  const since = new Date(report.lostSince).toISOString()
  return [
    `${report.serverName} is restored as it was at ${since}: ${report.users} accounts, ${report.events} events, ${report.files} files.`,
    'Messages since then are lost here, unless other servers have them.',
    'Whoever signed in since then must sign in again; whoever was signed out since then is signed in again.',
    ...(report.mediaMissing > 0 ? [`${report.mediaMissing} files of messages are missing.`] : []),
    `${report.oneTimeKeysDropped} one-time keys were dropped; devices make new ones by themselves.`,
  ]
}

async function passphraseFrom(file: string | undefined, line: CommandLine): Promise<string> {
  if (file === undefined) return line.readSecret('Passphrase of the backup: ')
  checkPrivate(file)
  return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
}

function read<Name extends string>(
  words: readonly string[],
  names: readonly Name[],
): { positionals: string[]; values: Partial<Record<Name, string>> } {
  try {
    const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
    const { positionals, values } = parseArgs({ args: [...words], allowPositionals: true, options })
    return { positionals, values: values as Partial<Record<Name, string>> }
  } catch (error) {
    throw new UsageProblem((error as Error).message)
  }
}
