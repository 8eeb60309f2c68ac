import { rmSync, writeFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { openBox } from './box/box.ts'
import { StartProblem, urlOf } from './box/open-listener.ts'
import { ConfigProblems, loadConfig } from './config.ts'
import type { ListenAddress } from './http/listener.ts'
import { systemClock, systemTimers } from './platform/clock.ts'
import { createLog } from './platform/log.ts'
import { systemRandom } from './platform/random.ts'
import { claimAnnouncement } from './setup/announcement.ts'
import { isNear } from './setup/sources.ts'
import { StorageProblem } from './storage/problems.ts'

/** Exit codes of sysexits.h, so that a service manager can tell a mistake in the configuration from an accident. */
const exitConfig = 78
const exitFailure = 1

async function main(): Promise<void> {
  const config = loadConfig(process.env)
  const log = createLog(config.log_level)
  const platform = { clock: systemClock, timers: systemTimers, random: systemRandom, log, environment: process.env }
  const say = (lines: readonly string[]) => void process.stdout.write(`${lines.join('\n')}\n`)
  let pageUrls: readonly string[] = []
  const box = await openBox(config, platform, {
    onFatal(problem) {
      log.fatal({ kind: problem.kind }, problem.message)
      // Nothing more may be promised; a restart looks at what is really on disk.
      process.exit(exitFailure)
    },
    onLost(error) {
      log.fatal({ err: error }, 'the box could not be built anew')
      process.exit(exitFailure)
    },
    say,
    hostNames: hostNames(),
    pageUrls: () => pageUrls,
    urlsOf,
    showCode(code) {
      if (config.claim_file === undefined) return
      if (code === undefined) rmSync(config.claim_file, { force: true })
      else writeFileSync(config.claim_file, `${code}\n`, { mode: 0o600 })
    },
    async sayPage(address, code) {
      pageUrls = urlsOf(address)
      say(await claimAnnouncement(pageUrls, code))
    },
  })

  let stopping = false
  const stop = async () => {
    if (stopping) return
    stopping = true
    log.info('stopping')
    await box.close()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

/** As others in the network may call this machine. */
function hostNames(): readonly string[] {
  const name = hostname().split('.')[0] ?? ''
  // Endings that routers give, and nobody can own in the internet.
  const endings = ['local', 'lan', 'home', 'internal', 'home.arpa', 'fritz.box']
  const names = [name, 'hausbote'].filter((host) => host !== '')
  return [hostname(), ...names, ...names.flatMap((host) => endings.map((ending) => `${host}.${ending}`))]
}

/** Where a listener is found, from the networks of this machine first. */
function urlsOf({ host, port }: ListenAddress): readonly string[] {
  if (host !== '0.0.0.0' && host !== '::') return [urlOf({ host, port })]
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const own = all.filter(({ family, internal, address }) => family === 'IPv4' && !internal && isNear(address))
  return [...own.map(({ address }) => urlOf({ host: address, port })), urlOf({ host: '127.0.0.1', port })]
}

main().catch((error: unknown) => {
  if (error instanceof ConfigProblems) {
    for (const problem of error.problems) process.stderr.write(`${problem}\n`)
    process.exit(exitConfig)
  }
  const expected =
    error instanceof StartProblem || error instanceof StorageProblem || (error as { code?: unknown }).code !== undefined
  const text = expected ? (error as Error).message : (error as Error).stack
  process.stderr.write(`Hausbote did not start: ${text}\n`)
  process.exit(exitFailure)
})
