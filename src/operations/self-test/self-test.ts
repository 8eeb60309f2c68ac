import type { Outside } from '../../federation/outside.ts'
import { type ServerName, splitServerName } from '../../matrix/identifiers.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Resolver } from '../../platform/resolver.ts'
import { type Certificates, daysLeft } from '../certificates/certificates.ts'
import type { ClockGuard } from '../clock-guard.ts'
import type { Status } from '../status.ts'
import { checkNames, lookUp } from './names.ts'
import {
  checkClient,
  checkFederation,
  checkPushGateways,
  checkServices,
  checkWellKnownClient,
  checkWellKnownServer,
} from './reach.ts'
import type { CheckResult } from './result.ts'

export interface SelfTestDeps {
  readonly serverName: ServerName
  /** `ed25519:VERSION` of the key that signs now. */
  keyId(): string
  /** Where clients reach the server; undefined: nobody said. */
  readonly publicUrl: string | undefined
  /** Undefined: federation is off. */
  readonly outside: Outside | undefined
  readonly resolver: Resolver
  readonly clock: Clock
  readonly clockGuard: ClockGuard
  readonly certificates: Certificates
  localAddresses(): readonly string[]
  /** URLs to which notifications are sent. */
  pushGateways(): readonly string[]
  /** Parts of the status that belong to a self-test too. */
  status(): Promise<Pick<Status, 'disk' | 'backup'>>
}

/** Looks at this server from inside, and over its public name. What does not apply is not among the results. */
export async function selfTest(deps: SelfTestDeps): Promise<readonly CheckResult[]> {
  const { serverName, publicUrl, outside } = deps
  const names = [splitServerName(serverName).host, ...(publicUrl === undefined ? [] : [new URL(publicUrl).hostname])]
  const parts: readonly Promise<readonly CheckResult[]>[] = [
    lookUp(deps.resolver, [...new Set(names)]).then((found) => checkNames(found, deps.localAddresses())),
    ...(outside
      ? [
          one(checkServices(outside, serverName)),
          one(checkWellKnownServer(outside, serverName)),
          one(checkFederation(outside, serverName, deps.keyId())),
        ]
      : []),
    ...(outside && publicUrl !== undefined
      ? [one(checkWellKnownClient(outside, serverName, publicUrl)), one(checkClient(outside, publicUrl))]
      : []),
    Promise.resolve(checkCertificate(deps, names)),
    one(checkClock(deps.clockGuard)),
    ...(outside && deps.pushGateways().length > 0 ? [one(checkPushGateways(outside, deps.pushGateways()))] : []),
    deps.status().then(({ disk, backup }) => [
      { id: 'disk', state: disk.state, facts: { freeBytes: disk.freeBytes, forecastDays: disk.forecastDays } },
      {
        id: 'backup',
        state: backup.state,
        facts: { lastSuccess: backup.lastSuccess, target: backup.target, reason: backup.reason },
      },
    ]),
  ]
  return (await Promise.all(parts)).flat()
}

async function one(result: Promise<CheckResult>): Promise<readonly CheckResult[]> {
  return [await result]
}

/** None: somebody else, such as a proxy, looks after it. */
function checkCertificate({ certificates, clock }: SelfTestDeps, names: readonly string[]): readonly CheckResult[] {
  const current = certificates.current()
  if (!current) return []
  const days = daysLeft(current, clock.now())
  const facts = { names: current.names, issuer: current.issuer, days }
  const missing = names.find((name) => !current.names.some((pattern) => covers(pattern, name)))
  if (days < 0) return [{ id: 'certificate', state: 'fail', facts: { ...facts, reason: 'run-out' } }]
  if (current.selfSigned) return [{ id: 'certificate', state: 'fail', facts: { ...facts, reason: 'self-signed' } }]
  if (missing !== undefined)
    return [{ id: 'certificate', state: 'warn', facts: { ...facts, reason: 'other-name', name: missing } }]
  if (days < 14) return [{ id: 'certificate', state: 'warn', facts: { ...facts, reason: 'soon' } }]
  return [{ id: 'certificate', state: 'ok', facts }]
}

/** RFC 6125, section 6.4.3. */
function covers(pattern: string, name: string): boolean {
  return pattern === name || (pattern.startsWith('*.') && name.slice(name.indexOf('.')) === pattern.slice(1))
}

async function checkClock(guard: ClockGuard): Promise<CheckResult> {
  const { state, ahead, answers, because } = await guard.check()
  const facts = { aheadSeconds: ahead === undefined ? null : Math.round(ahead / 1000), answers }
  if (state === 'wrong') return { id: 'clock', state: 'fail', facts: { ...facts, reason: because ?? 'partners' } }
  return { id: 'clock', state: 'ok', facts: state === 'unknown' ? { ...facts, reason: 'nobody-asked' } : facts }
}
