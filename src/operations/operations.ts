import type { Outside } from '../federation/outside.ts'
import type { ListenAddress } from '../http/listener.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Storage } from '../storage/storage.ts'
import { type Backup, createBackup } from './backup/backup.ts'
import { backupJobs } from './backup/jobs.ts'
import type { ConfiguredTarget, Environment } from './backup/target.ts'
import { type Certificates, createCertificates } from './certificates/certificates.ts'
import type { ClockGuard } from './clock-guard.ts'
import { carryOutOperation } from './commands.ts'
import { createDiskGovernor, type DiskDeps, type DiskGovernor } from './disk.ts'
import { interruptRuns } from './job-runs.ts'
import { createJobs, type Job, type Jobs } from './jobs.ts'

export interface OperationsDeps {
  readonly storage: Storage
  /** The data directory. */
  readonly directory: string
  readonly serverName: string
  /** Of this program. */
  readonly version: string
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Log
  readonly backupTarget: ConfiguredTarget
  readonly environment: Environment
  readonly clockGuard: ClockGuard
  /** Undefined: federation is off. */
  readonly outside: Outside | undefined
  /** Where an authority asks for proof. */
  readonly acmeListen: ListenAddress
  /** A certificate that the settings name. */
  readonly certificateFile: string | undefined
  /** Undefined: there is no cache of other servers' media. */
  readonly shrinkRemoteMedia?: DiskDeps['shrinkRemoteMedia']
  /** What other parts have to do now and then. */
  readonly jobs: readonly Job[]
}

/** What keeps a server running for years, and those who run it informed. */
export interface Operations {
  readonly jobs: Jobs
  readonly backup: Backup
  readonly disk: DiskGovernor
  readonly certificates: Certificates
  readonly clockGuard: ClockGuard
  /** Carries out a line from the command line; undefined: there is no such command here. */
  carryOut(line: string): Promise<object> | undefined
}

export async function createOperations(deps: OperationsDeps): Promise<Operations> {
  const { storage, log, clockGuard, clock } = deps
  const disk = createDiskGovernor(deps)
  const backup = createBackup({ ...deps, configured: deps.backupTarget })
  const certificates = createCertificates({
    ...deps,
    exchange: deps.outside?.exchange,
    listen: deps.acmeListen,
    givenFile: deps.certificateFile,
  })
  // What still seems to run was cut off by the end of the process before this one.
  await storage.write(interruptRuns)
  const jobs = createJobs(
    [...deps.jobs, ...backupJobs(backup), ...disk.jobs, ...certificates.jobs, clockJob(clockGuard, clock)],
    deps,
  )
  return {
    jobs,
    backup,
    disk,
    certificates,
    clockGuard,
    carryOut: (line) => carryOutOperation(line, { jobs, backup, certificates, log }),
  }
}

/** While the clock is right, a look now and then is enough. */
const calm = 10 * 60_000

function clockJob(guard: ClockGuard, clock: Clock): Job {
  return {
    name: 'clock',
    when: '* * * * *',
    quiet: true,
    atStart: true,
    due() {
      const { state, checkedAt } = guard.state()
      return state === 'wrong' || checkedAt === undefined || Math.abs(clock.now() - checkedAt) >= calm
    },
    run: () => guard.check(),
  }
}
