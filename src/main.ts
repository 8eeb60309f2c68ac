import { createControlSocket } from './accounts/control.ts'
import { type App, createApp } from './app.ts'
import { type Config, ConfigProblems, loadConfig } from './config.ts'
import { type ListenAddress, listen } from './http/listener.ts'
import { startJobs } from './operations/jobs.ts'
import { systemClock, systemTimers } from './platform/clock.ts'
import { createLog } from './platform/log.ts'
import { systemRandom } from './platform/random.ts'
import { StorageProblem } from './storage/problems.ts'

/** Exit codes of sysexits.h, so that a service manager can tell a mistake in the configuration from an accident. */
const exitConfig = 78
const exitFailure = 1
/** Milliseconds that running requests have to end. */
const grace = 10_000

async function main(): Promise<void> {
  const config = loadConfig(process.env)
  const log = createLog(config.log_level)
  const platform = { clock: systemClock, timers: systemTimers, random: systemRandom, log }
  const app = await createApp(config, platform, (problem) => {
    log.fatal({ kind: problem.kind }, problem.message)
    // Nothing more may be promised; a restart looks at what is really on disk.
    process.exit(exitFailure)
  })
  const control = await createControlSocket(config.data_dir, app.administration, log)
  const listener = await listen(app.client.fetch, config.listen)
  const metrics = app.metrics && config.metrics_listen && (await listen(app.metrics.fetch, config.metrics_listen))
  const stopJobs = startJobs(app.jobs, log)
  announce(config, listener.address, app)

  let stopping = false
  const stop = async () => {
    if (stopping) return
    stopping = true
    log.info('stopping')
    app.storage.waiters.close()
    await stopJobs()
    await listener.close(grace)
    await metrics?.close(0)
    await control.close()
    await app.close()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

function announce(config: Config, address: ListenAddress, app: App): void {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  const lines = [`Hausbote serves ${config.server_name} at http://${host}:${address.port}`]
  if (app.administration.listUsers().length === 0)
    lines.push('Nobody has an account yet. Make the first one:  npm run hausbote -- user add NAME')
  process.stdout.write(`${lines.join('\n')}\n`)
}

main().catch((error: unknown) => {
  if (error instanceof ConfigProblems) {
    for (const problem of error.problems) process.stderr.write(`${problem}\n`)
    process.exit(exitConfig)
  }
  const text =
    error instanceof StorageProblem || (error as { code?: unknown }).code !== undefined
      ? (error as Error).message
      : (error as Error).stack
  process.stderr.write(`Hausbote did not start: ${text}\n`)
  process.exit(exitFailure)
})
