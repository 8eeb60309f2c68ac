import { type ControlSocket, createControlSocket, type OtherCommands } from '../accounts/control.ts'
import { type App, createApp, type Platform } from '../app.ts'
import type { Config } from '../config.ts'
import { type CertificateFiles, readCertificate, watchCertificate } from '../http/certificate-files.ts'
import type { Certificate, Listener } from '../http/listener.ts'
import type { Milliseconds } from '../platform/clock.ts'
import type { RunningMessenger } from '../setup/messenger.ts'
import type { StorageProblem } from '../storage/problems.ts'
import type { Storage } from '../storage/storage.ts'
import { openListener, urlOf } from './open-listener.ts'
import { runningOf } from './owner-commands.ts'

/** The messenger with its listeners. */
export interface ServedMessenger {
  readonly running: RunningMessenger
  /** For the person who started the server. */
  readonly announcement: readonly string[]
  /** Takes nothing new and waits for what runs; the storage stays open. End its waiters right after calling this. */
  close(): Promise<void>
}

/** How long running requests have to end. */
const grace: Milliseconds = 10_000

interface Parts {
  app?: App
  control?: ControlSocket
  listener?: Listener
  federation?: Listener
  /** For clients, through TLS. */
  secure?: Listener
  metrics?: Listener
  stopWatching?: () => void
}

/** Builds the messenger on an open storage, and serves it. Rejects, as a rule with a `StartProblem`, and nothing of it is left. */
export async function serveMessenger(
  config: Config,
  platform: Platform,
  storage: Storage,
  onFatal: (problem: StorageProblem) => void,
  commands: OtherCommands,
): Promise<ServedMessenger> {
  const parts: Parts = {}
  try {
    const app = await createApp(config, platform, onFatal, storage)
    parts.app = app
    await open(parts, app, config, platform, commands)
    app.operations.jobs.start()
    return {
      running: runningOf(app, config),
      announcement: announcementOf(config, parts, app),
      close: () => close(parts),
    }
  } catch (error) {
    await close(parts)
    throw error
  }
}

async function open(parts: Parts, app: App, config: Config, { log, timers }: Platform, commands: OtherCommands): Promise<void> {
  parts.control = await createControlSocket(
    config.data_dir,
    app.administration,
    log,
    (line) => commands(line) ?? app.operations.carryOut(line),
  )
  parts.listener = await openListener('listen', config.listen, app.client.fetch)
  const files = certificateFiles(config)
  const current = files && readCertificate(files)
  if (config.secure_listen && current)
    parts.secure = await openListener('secure_listen', config.secure_listen, app.client.fetch, current)
  if (app.federation && config.federation_listen) {
    parts.federation = await openListener('federation_listen', config.federation_listen, app.federation.fetch, current)
  }
  const use = (certificate: Certificate) => {
    parts.secure?.setCertificate(certificate)
    parts.federation?.setCertificate(certificate)
  }
  if (files && current) parts.stopWatching = watchCertificate({ files, current, timers, log, use })
  if (app.metrics && config.metrics_listen)
    parts.metrics = await openListener('metrics_listen', config.metrics_listen, app.metrics.fetch)
}

async function close({ app, control, listener, secure, federation, metrics, stopWatching }: Parts): Promise<void> {
  stopWatching?.()
  const drained = Promise.all([listener?.close(grace), secure?.close(grace), federation?.close(grace)])
  await app?.operations.jobs.stop()
  await drained
  await metrics?.close(0)
  await control?.close()
  await app?.close()
}

/** Undefined: TLS ends at a proxy. */
function certificateFiles({ tls_certificate: certificate, tls_key: key }: Config): CertificateFiles | undefined {
  return certificate === undefined || key === undefined ? undefined : { certificate, key }
}

function announcementOf(config: Config, { listener, federation }: Parts, app: App): readonly string[] {
  const lines = listener ? [`Hausbote serves ${config.server_name} at ${urlOf(listener.address)}`] : []
  if (federation) {
    const url =
      config.tls_certificate === undefined ? urlOf(federation.address) : urlOf(federation.address).replace('http', 'https')
    lines.push(`Other servers reach it at ${url}`)
  }
  if (!config.setup_listen && app.administration.listUsers().length === 0)
    lines.push('Nobody has an account yet. Make the first one:  npm run hausbote -- user add NAME')
  return lines
}
