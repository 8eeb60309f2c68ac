import type { Federation } from '../federation/federation.ts'
import type { ListenAddress } from '../http/listener.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Clock, Timers } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { type Resolver, systemResolver } from '../platform/resolver.ts'
import type { Storage } from '../storage/storage.ts'
import { type Backup, createBackup } from './backup/backup.ts'
import { type CatchUpDeps, catchUpJob } from './backup/catch-up.ts'
import { backupJobs, backupTestJob } from './backup/jobs.ts'
import type { Environment } from './backup/target.ts'
import { type Certificates, createCertificates } from './certificates/certificates.ts'
import { certificateFiles } from './certificates/state.ts'
import type { ClockGuard } from './clock-guard.ts'
import { carryOutOperation } from './commands.ts'
import { createDiskGovernor, type DiskDeps, type DiskGovernor } from './disk.ts'
import { createHealth } from './health.ts'
import { interruptRuns, lastSuccess } from './job-runs.ts'
import { createJobs, type Job, type Jobs } from './jobs.ts'
import { localAddresses } from './self-test/names.ts'
import type { CheckResult } from './self-test/result.ts'
import { selfTest } from './self-test/self-test.ts'
import { type Status, statusOf } from './status.ts'
import { supportBundle } from './support-bundle.ts'

/** The settings that matter here, by their names. */
export interface OperationsConfig {
  readonly data_dir: string
  readonly public_url: string | undefined
  readonly backup_repository: string | undefined
  readonly backup_passphrase_file: string | undefined
  /** Where a certificate authority asks for proof. */
  readonly acme_listen: ListenAddress
  readonly tls_certificate: string | undefined
}

export interface OperationsDeps {
  readonly config: OperationsConfig
  readonly storage: Storage
  readonly serverName: ServerName
  /** Of this program. */
  readonly version: string
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Log
  readonly environment?: Environment
  readonly resolver?: Resolver
  readonly clockGuard: ClockGuard
  /** `ed25519:VERSION` of the key that signs now. */
  keyId(): string
  /** URLs to which notifications are sent. */
  pushGateways?(): readonly string[]
  /** Undefined: federation is off. */
  readonly federation: Pick<Federation, 'outside' | 'client' | 'sender'> | undefined
  readonly receive: CatchUpDeps['receive']
  readonly shrinkRemoteMedia: DiskDeps['shrinkRemoteMedia']
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
  status(): Promise<Status>
  /** Sends what waits for a partner that could not be reached, now. */
  tryPartner(server: ServerName): void
  selfTest(): Promise<readonly CheckResult[]>
  /** For a technician: `.tar.gz` without contents, names of people or secrets. */
  supportBundle(): Promise<Buffer>
  /** Carries out a line from the command line; undefined: there is no such command here. */
  carryOut(line: string): Promise<object> | undefined
}

export async function createOperations(deps: OperationsDeps): Promise<Operations> {
  const { storage, log, clockGuard, clock, config, federation } = deps
  const directory = config.data_dir
  const disk = createDiskGovernor({ ...deps, directory })
  const backup = createBackup({
    ...deps,
    directory,
    configured: { repository: config.backup_repository, passphraseFile: config.backup_passphrase_file },
    environment: deps.environment ?? {},
  })
  const certificates = createCertificates({
    ...deps,
    directory,
    exchange: federation?.outside.exchange,
    listen: config.acme_listen,
    givenFile: config.tls_certificate === certificateFiles(directory).certificate ? undefined : config.tls_certificate,
  })
  const sinceTest = () => {
    const last = lastSuccess(storage.reader, backupTestJob)
    return last && clock.now() - last.startedAt
  }
  const catchUp = federation ? [catchUpJob({ ...deps, client: federation.client })] : []
  // What still seems to run was cut off by the end of the process before this one.
  await storage.write(interruptRuns)
  const jobs = createJobs(
    [...deps.jobs, ...backupJobs(backup, sinceTest), ...disk.jobs, ...certificates.jobs, ...catchUp, clockJob(clockGuard, clock)],
    deps,
  )
  const health = createHealth(deps)
  const status = () =>
    statusOf({
      ...deps,
      health,
      jobs: jobs.states,
      certificate: certificates.current,
      clockState: clockGuard.state,
      disk: async () => disk.state() ?? disk.look(),
      backupTarget: backup.target,
    })
  const runSelfTest = () =>
    selfTest({
      ...deps,
      publicUrl: config.public_url,
      outside: federation?.outside,
      certificates,
      status,
      localAddresses,
      pushGateways: deps.pushGateways ?? (() => []),
      resolver: deps.resolver ?? systemResolver,
    })
  const operations = {
    jobs,
    backup,
    disk,
    certificates,
    clockGuard,
    status,
    tryPartner: (server: ServerName) => federation?.sender.retryNow(server),
    selfTest: runSelfTest,
    async supportBundle() {
      const facts = { status: await status(), checks: await runSelfTest(), jobs: jobs.states(), settings: { ...config } }
      return supportBundle(storage.reader, facts, clock.now())
    },
  }
  return { ...operations, carryOut: (line) => carryOutOperation(line, operations, log) }
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
