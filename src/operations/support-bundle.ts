import { arch, cpus, freemem, platform, release, totalmem, uptime } from 'node:os'
import { gzipSync } from 'node:zlib'
import type { Milliseconds } from '../platform/clock.ts'
import { type Reader, statement } from '../storage/handles.ts'
import { recentRuns } from './job-runs.ts'
import type { JobState } from './jobs.ts'
import { explainCheck } from './self-test/explain.ts'
import type { CheckResult } from './self-test/result.ts'
import type { Status } from './status.ts'
import { tar } from './tar.ts'

export interface SupportFacts {
  readonly status: Status
  readonly checks: readonly CheckResult[]
  readonly jobs: readonly JobState[]
  /** Settings by name. */
  readonly settings: Readonly<Record<string, unknown>>
}

/** Settings that may be seen by a stranger; what is added later is not, until somebody thinks about it. */
const shownSettings: ReadonlySet<string> = new Set([
  ...[
    'server_name',
    'listen',
    'public_url',
    'federation_listen',
    'federation_address',
    'setup_listen',
    'metrics_listen',
    'acme_listen',
  ],
  ...['registration', 'rate_limits', 'default_room_version', 'encrypt_new_rooms', 'presence', 'max_upload_bytes', 'log_level'],
  ...['remote_media_cache_bytes', 'trusted_notaries'],
])

const tables = statement<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`, 'pluck')

/** What a technician needs to know, as `.tar.gz`: no contents, no names of people, no secrets. */
export function supportBundle(reader: Reader, facts: SupportFacts, now: Milliseconds): Buffer {
  const { settings, jobs, checks, status } = facts
  const shown = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      name,
      shownSettings.has(name) ? value : value === undefined ? 'not set' : 'set',
    ]),
  )
  const files = {
    'status.json': text(status),
    'self-test.json': text(checks),
    'self-test.txt': `${checks.map(explainCheck).join('\n')}\n`,
    'jobs.json': text(jobs.map(({ name, when }) => ({ name, when, runs: recentRuns(reader, name, 20) }))),
    'settings.json': text(shown),
    'machine.json': text({
      platform: platform(),
      release: release(),
      arch: arch(),
      cores: cpus().length,
      memory: { total: totalmem(), free: freemem() },
      uptime: Math.round(uptime()),
    }),
    'sizes.json': text({
      position: reader.position,
      rows: Object.fromEntries(
        tables(reader)
          .all()
          .map((name) => [name, rowsOf(reader, name)]),
      ),
    }),
  }
  const inside = Object.fromEntries(Object.entries(files).map(([name, content]) => [`hausbote-support/${name}`, content]))
  return gzipSync(tar(inside, new Date(now)))
}

const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

/** Names come from the schema, not from outside. */
function rowsOf(reader: Reader, table: string): number {
  return reader.raw.prepare<[], number>(`SELECT count(*) FROM "${table}"`).pluck().get() ?? 0
}
