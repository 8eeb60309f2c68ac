import type { Milliseconds } from '../platform/clock.ts'
import type { Status } from './status.ts'

const mark = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' }
const gigabyte = 1024 ** 3

/** The status in lines for a person who knows computers. */
export function explainStatus(status: Status): readonly string[] {
  const { messages, partners, certificate, clock, disk, backup, restored } = status
  const size = (bytes: number) => `${(bytes / gigabyte).toFixed(1)} GB`
  const forecast = disk.forecastDays === null ? '' : `, enough for ${disk.forecastDays} days`
  const lines = [
    `Hausbote ${status.version}, ${status.serverName}`,
    `${mark[messages.state]}  Messages: ${messages.problem === null ? 'are taken in and kept' : `are not taken in (${messages.problem})`}`,
    `${mark[partners.state]}  Partners: ${partners.known} known, ${partners.unreachable.length} not reachable, ${partners.waitingMessages} messages wait; last contact ${date(partners.lastContact)}`,
    ...partners.unreachable.map(
      ({ server, since, waitingMessages }) => `        ${server}: since ${date(since)}, ${waitingMessages} wait`,
    ),
    `${mark[certificate.state]}  Certificate: ${certificate.notAfter === null ? 'not looked after here' : `until ${date(certificate.notAfter)}`}`,
    `${mark[clock.state]}  Clock: ${clock.ahead === null ? 'not compared yet' : `${Math.round(clock.ahead / 1000)} seconds ahead of the others`}`,
    `${mark[disk.state]}  Disk: ${size(disk.freeBytes)} of ${size(disk.totalBytes)} free${forecast}${disk.readOnly ? '; nothing new is taken in' : ''}`,
    `${mark[backup.state]}  Backup: ${backup.target ?? 'not set up'}; last ${date(backup.lastSuccess)}, last test ${date(backup.lastTest)}${backup.problem ? `; ${backup.problem}` : ''}`,
  ]
  if (restored) lines.push(`        Restored on ${date(restored.restoredAt)} from a backup of ${date(restored.lostSince)}`)
  if (status.failedJobs.length > 0) lines.push(`WARN  Jobs that failed: ${status.failedJobs.join(', ')}`)
  return lines
}

function date(time: Milliseconds | null): string {
  return time === null ? 'never' : new Date(time).toISOString().slice(0, 16).replace('T', ' ')
}
