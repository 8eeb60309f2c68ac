import { destinationStates } from '../federation/destinations.ts'
import { countWaiting } from '../federation/outbox.ts'
import type { ServerName } from '../matrix/identifiers.ts'
import type { Clock, Milliseconds } from '../platform/clock.ts'
import type { Reader } from '../storage/handles.ts'
import type { Storage } from '../storage/storage.ts'
import { backupJob, backupTestJob } from './backup/jobs.ts'
import { lastRestore, type RestoreReport } from './backup/restored-database.ts'
import { type CertificateFacts, isDue } from './certificates/state.ts'
import type { ClockState } from './clock-guard.ts'
import type { DiskState } from './disk.ts'
import type { Health } from './health.ts'
import type { JobState } from './jobs.ts'

type Light = 'ok' | 'warn' | 'fail'

/** What an owner wants to see at one glance. Times are milliseconds since the epoch. */
export interface Status {
  readonly version: string
  readonly serverName: string
  readonly at: Milliseconds
  /** Whether messages are taken in and kept. */
  readonly messages: { readonly state: Light; readonly problem: string | null }
  readonly partners: {
    readonly state: Light
    /** That something was ever sent to. */
    readonly known: number
    readonly waitingMessages: number
    readonly lastContact: Milliseconds | null
    readonly unreachable: readonly PartnerTrouble[]
  }
  readonly certificate: {
    readonly state: Light
    /** Null: somebody else, such as a proxy, looks after it. */
    readonly names: readonly string[] | null
    readonly issuer: string | null
    readonly notAfter: Milliseconds | null
  }
  readonly clock: { readonly state: Light; readonly ahead: Milliseconds | null; readonly checkedAt: Milliseconds | null }
  readonly disk: {
    readonly state: Light
    readonly readOnly: boolean
    readonly freeBytes: number
    readonly totalBytes: number
    readonly usedBytes: number
    readonly forecastDays: number | null
  }
  readonly backup: {
    readonly state: Light
    readonly target: string | null
    /** `not-set-up`, `never`, `old`, `failed`, `not-tested`. */
    readonly reason: string | null
    readonly lastSuccess: Milliseconds | null
    readonly lastTest: Milliseconds | null
    /** Of the last run, if that failed. */
    readonly problem: string | null
  }
  /** The restore that made the data what they are. */
  readonly restored: RestoreReport | null
  /** Jobs whose last run failed. */
  readonly failedJobs: readonly string[]
}

export interface PartnerTrouble {
  readonly server: ServerName
  readonly since: Milliseconds
  readonly nextAttempt: Milliseconds
  readonly waitingMessages: number
}

export interface StatusDeps {
  readonly storage: Storage
  readonly version: string
  readonly serverName: string
  readonly clock: Clock
  health(): Promise<Health>
  jobs(): readonly JobState[]
  certificate(): CertificateFacts | undefined
  clockState(): ClockState
  disk(): Promise<DiskState>
  backupTarget(): string | undefined
}

const day: Milliseconds = 86_400_000
/** The last good backup may be so old. */
const backupAge = 2 * day
const testAge = 15 * day
/** A partner that cannot be reached for so long is more than a hiccup. */
const hiccup: Milliseconds = 3_600_000
const certificateAlarm = 14 * day

export async function statusOf(deps: StatusDeps): Promise<Status> {
  const { storage, clock } = deps
  const at = clock.now()
  const health = await deps.health()
  const disk = await deps.disk()
  const jobs = deps.jobs()
  const clockState = deps.clockState()
  const full = disk.state === 'read-only'
  return {
    version: deps.version,
    serverName: deps.serverName,
    at,
    messages: {
      state: health.status === 'failing' || full || clockState.state === 'wrong' ? 'fail' : 'ok',
      problem: health.status === 'failing' ? health.problem : full ? 'full' : clockState.state === 'wrong' ? 'clock' : null,
    },
    partners: partnersOf(storage.reader, at),
    certificate: certificateOf(deps.certificate(), at),
    clock: {
      state: clockState.state === 'wrong' ? 'fail' : 'ok',
      ahead: clockState.ahead ?? null,
      checkedAt: clockState.checkedAt ?? null,
    },
    disk: {
      state: full ? 'fail' : disk.state === 'warn' ? 'warn' : 'ok',
      readOnly: full,
      freeBytes: disk.freeBytes,
      totalBytes: disk.totalBytes,
      usedBytes: disk.databaseBytes + disk.mediaBytes,
      forecastDays: disk.forecastDays ?? null,
    },
    backup: backupOf(jobs, deps.backupTarget(), at),
    restored: lastRestore(storage.reader) ?? null,
    failedJobs: jobs.filter(({ last }) => last?.result === 'failed').map(({ name }) => name),
  }
}

function partnersOf(reader: Reader, now: Milliseconds): Status['partners'] {
  const states = destinationStates(reader)
  const unreachable = states.flatMap(({ server, failingSince, nextAttempt }) => {
    if (failingSince === null) return []
    const { pdus } = countWaiting(reader, server)
    return [{ server, since: failingSince, nextAttempt, waitingMessages: pdus }]
  })
  const long = unreachable.filter(({ since }) => now - since > hiccup)
  const contacts = states.flatMap(({ lastSuccess }) => (lastSuccess === null ? [] : [lastSuccess]))
  return {
    // All at once is rather this server's connection.
    state: long.length === 0 ? 'ok' : long.length === states.length && states.length > 1 ? 'fail' : 'warn',
    known: states.length,
    waitingMessages: unreachable.reduce((sum, { waitingMessages }) => sum + waitingMessages, 0),
    lastContact: contacts.length === 0 ? null : Math.max(...contacts),
    unreachable,
  }
}

function certificateOf(facts: CertificateFacts | undefined, now: Milliseconds): Status['certificate'] {
  if (!facts) return { state: 'ok', names: null, issuer: null, notAfter: null }
  const { names, issuer, notAfter, selfSigned } = facts
  const over = notAfter <= now || selfSigned
  const soon = isDue(facts, now) && notAfter - now < certificateAlarm
  return { state: over ? 'fail' : soon ? 'warn' : 'ok', names, issuer, notAfter }
}

function backupOf(jobs: readonly JobState[], target: string | undefined, now: Milliseconds): Status['backup'] {
  const find = (name: string) => jobs.find((job) => job.name === name)
  const [backup, test] = [find(backupJob), find(backupTestJob)]
  const lastSuccess = backup?.lastSuccess?.startedAt ?? null
  const lastTest = test?.lastSuccess?.startedAt ?? null
  const failed = [backup?.last, test?.last].find((run) => run?.result === 'failed')
  const problem = failed ? String((failed.detail as { problem?: unknown } | null)?.problem ?? '') : null
  const common = { target: target ?? null, lastSuccess, lastTest, problem }
  if (target === undefined) return { ...common, state: 'warn', reason: 'not-set-up' }
  if (lastSuccess === null) return { ...common, state: 'warn', reason: 'never' }
  if (now - lastSuccess > backupAge) return { ...common, state: 'fail', reason: 'old' }
  if (failed) return { ...common, state: 'warn', reason: 'failed' }
  if (lastTest === null || now - lastTest > testAge) return { ...common, state: 'warn', reason: 'not-tested' }
  return { ...common, state: 'ok', reason: null }
}
