import { createControlSocket } from './accounts/control.ts'
import { type App, createApp } from './app.ts'
import { type Config, ConfigProblems, loadConfig, settings } from './config.ts'
import { type CertificateFiles, readCertificate, watchCertificate } from './http/certificate-files.ts'
import { type Certificate, type ListenAddress, type Listener, listen } from './http/listener.ts'
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
  const platform = { clock: systemClock, timers: systemTimers, random: systemRandom, log, environment: process.env }
  const app = await createApp(config, platform, (problem) => {
    log.fatal({ kind: problem.kind }, problem.message)
    // Nothing more may be promised; a restart looks at what is really on disk.
    process.exit(exitFailure)
  })
  const control = await createControlSocket(config.data_dir, app.administration, log, app.operations.carryOut)
  const files = certificateFiles(config)
  const certificate = files && readCertificate(files)
  const listener = await open('listen', config.listen, app.client.fetch)
  const federation =
    app.federation &&
    config.federation_listen &&
    (await open('federation_listen', config.federation_listen, app.federation.fetch, certificate))
  const stopWatching =
    federation &&
    files &&
    certificate &&
    watchCertificate({ files, current: certificate, timers: systemTimers, log, use: federation.setCertificate })
  const metrics = app.metrics && config.metrics_listen && (await open('metrics_listen', config.metrics_listen, app.metrics.fetch))
  app.operations.jobs.start()
  announce(config, listener.address, federation?.address, app)

  let stopping = false
  const stop = async () => {
    if (stopping) return
    stopping = true
    log.info('stopping')
    stopWatching?.()
    const drained = Promise.all([listener.close(grace), federation?.close(grace)])
    // Only now: a client that is answered asks again at once, and may not find the door still open.
    app.storage.waiters.close()
    await app.operations.jobs.stop()
    await drained
    await metrics?.close(0)
    await control.close()
    await app.close()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

/** Listens where the setting says; if that cannot be, it says so in a sentence. */
async function open(
  setting: 'listen' | 'federation_listen' | 'metrics_listen',
  address: ListenAddress,
  fetch: Parameters<typeof listen>[0],
  certificate?: Certificate,
): Promise<Listener> {
  try {
    return await listen(fetch, address, {}, certificate)
  } catch (error) {
    const { code } = error as { code?: unknown }
    const reason = (typeof code === 'string' && cannotListen[code]) || (error as Error).message
    throw new StartProblem(`${settings[setting].environment}: ${urlOf(address).slice('http://'.length)} ${reason}`)
  }
}

const cannotListen: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program. Stop that, or choose another address.',
  EADDRNOTAVAIL: 'is no address of this machine.',
  ENOTFOUND: 'is no address of this machine.',
  EACCES: 'needs rights that this user does not have. Choose a port from 1024 on.',
}

/** A sentence for the person who starts the server. */
class StartProblem extends Error {}

/** Undefined: TLS ends at a proxy. */
function certificateFiles({ tls_certificate: certificate, tls_key: key }: Config): CertificateFiles | undefined {
  return certificate === undefined || key === undefined ? undefined : { certificate, key }
}

function urlOf({ host, port }: ListenAddress): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function announce(config: Config, address: ListenAddress, federation: ListenAddress | undefined, app: App): void {
  const lines = [`Hausbote serves ${config.server_name} at ${urlOf(address)}`]
  if (federation) {
    const url = config.tls_certificate === undefined ? urlOf(federation) : urlOf(federation).replace('http', 'https')
    lines.push(`Other servers reach it at ${url}`)
  }
  if (app.administration.listUsers().length === 0)
    lines.push('Nobody has an account yet. Make the first one:  npm run hausbote -- user add NAME')
  process.stdout.write(`${lines.join('\n')}\n`)
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
