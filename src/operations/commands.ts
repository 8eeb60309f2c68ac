import Type, { type Static } from 'typebox'
import { checkBody } from '../http/validation.ts'
import type { Log } from '../platform/log.ts'
import { backupJob, backupTestJob } from './backup/jobs.ts'
import { BackupProblem } from './backup/problems.ts'
import { CertificateProblem } from './certificates/certificates.ts'
import type { JobState, Jobs } from './jobs.ts'
import type { Operations } from './operations.ts'

/** What the owner asks of a running server, beside what `accounts/commands.ts` has: one line of JSON with a `command`. */
const commandSchema = Type.Union([
  Type.Object({ command: Type.Literal('job start'), name: Type.String({ maxLength: 64 }) }),
  Type.Object({ command: Type.Literal('job states') }),
  Type.Object({ command: Type.Literal('backup state') }),
  Type.Object({ command: Type.Literal('backup list') }),
  Type.Object({
    command: Type.Literal('backup target'),
    repository: Type.String({ maxLength: 1000 }),
    passphrase: Type.String({ maxLength: 1000 }),
    environment: Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 1000 })),
  }),
  Type.Object({
    command: Type.Literal('certificate request'),
    names: Type.Array(Type.String({ maxLength: 253 }), { maxItems: 20 }),
    proof: Type.Union([Type.Literal('http'), Type.Literal('dns')]),
    directory: Type.String({ maxLength: 1000 }),
    email: Type.Union([Type.String({ maxLength: 254 }), Type.Null()]),
  }),
  Type.Object({ command: Type.Literal('certificate continue') }),
  Type.Object({ command: Type.Literal('certificate show') }),
  Type.Object({ command: Type.Literal('status') }),
  Type.Object({ command: Type.Literal('self-test') }),
  Type.Object({ command: Type.Literal('support bundle') }),
])
export type OperationsCommand = Static<typeof commandSchema>

export type CommandDeps = Pick<Operations, 'jobs' | 'backup' | 'certificates' | 'status' | 'selfTest' | 'supportBundle'>

/** Carries out a command; `refused` says why not. Undefined: the line is no command of these. */
export function carryOutOperation(line: string, deps: CommandDeps, log: Log): Promise<object> | undefined {
  const command = readCommand(line)
  return command && answered(command, deps, log)
}

async function answered(command: OperationsCommand, deps: CommandDeps, log: Log): Promise<object> {
  try {
    return await run(command, deps, log)
  } catch (error) {
    if (error instanceof BackupProblem) return { refused: error.message, kind: error.kind }
    if (error instanceof CertificateProblem) return { refused: error.message }
    throw error
  }
}

async function run(command: OperationsCommand, deps: CommandDeps, log: Log): Promise<object> {
  const { jobs, backup, certificates } = deps
  switch (command.command) {
    case 'job start': {
      const started = jobs.run(command.name)
      if (!started) return { refused: `There is no job "${command.name}".` }
      // Its result is kept; the disk may be what fails.
      started.catch((err: unknown) => log.error({ job: command.name, err }, 'job not recorded'))
      return {}
    }
    case 'job states':
      return { jobs: jobs.states() }
    case 'backup state':
      return {
        target: backup.target() ?? null,
        progress: backup.progress ?? null,
        backup: stateOf(jobs, backupJob) ?? null,
        test: stateOf(jobs, backupTestJob) ?? null,
      }
    case 'backup list':
      return { snapshots: await backup.snapshots() }
    case 'backup target':
      return backup.prepare(command)
    case 'certificate request': {
      const { names, proof, directory, email } = command
      const wish = { names, directory, ...(email !== null && { email }) }
      return proof === 'dns' ? { records: await certificates.beginDns(wish) } : certificates.obtain(wish)
    }
    case 'certificate continue':
      return certificates.finishDns()
    case 'status':
      return deps.status()
    case 'self-test':
      return { checks: await deps.selfTest() }
    case 'support bundle':
      return { bundle: (await deps.supportBundle()).toString('base64') }
    case 'certificate show':
      return { current: certificates.current() ?? null, records: certificates.waitingRecords() ?? null }
  }
}

function stateOf(jobs: Jobs, name: string): JobState | undefined {
  return jobs.states().find((state) => state.name === name)
}

function readCommand(line: string): OperationsCommand | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  return checkBody(commandSchema, value) ? undefined : (value as OperationsCommand)
}
