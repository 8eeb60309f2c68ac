import { existsSync } from 'node:fs'
import { type Config, ConfigProblems, settings } from '../config.ts'
import { certificateFiles } from '../operations/certificates/state.ts'
import { answerOf, answersOf, type Reach } from '../setup/answers.ts'
import type { Reader } from '../storage/handles.ts'

/**
 * The settings as they are in effect: what the configuration says, then what was answered on the owner's page and what was made of it, then the defaults.
 * Throws `ConfigProblems` when the configuration names another server than the one that this data belongs to.
 */
export function effectiveConfig(config: Config, reader: Reader): Config {
  const { serverName, reach } = answersOf(reader)
  const fixed = config.given.has('server_name')
  if (fixed && serverName !== undefined && serverName !== config.server_name)
    throw new ConfigProblems([
      `${settings.server_name.environment}: ${config.data_dir} belongs to ${serverName}, whose name cannot be changed to ${config.server_name}`,
    ])
  return Object.freeze({
    ...config,
    ...(serverName !== undefined && { server_name: serverName }),
    ...Object.fromEntries(Object.entries(reached(reach)).filter(([name]) => !config.given.has(name as keyof Config & 'listen'))),
    ...(config.tls_certificate === undefined && ownCertificate(config.data_dir)),
  })
}

/** The settings that follow from how the box is reached. */
function reached(reach: Reach | undefined): Partial<Config> {
  const everywhere = (port: number) => ({ host: '0.0.0.0', port })
  switch (reach?.way) {
    case undefined:
      return {}
    case 'local':
      return { listen: everywhere(8008) }
    case 'proxy':
      // What a proxy passes on from other servers arrives with the rest.
      return { listen: everywhere(8008), public_url: reach.publicUrl, federation_listen: { host: '127.0.0.1', port: 8448 } }
    case 'own':
      return { public_url: `https://${reach.host}`, federation_listen: everywhere(8448), secure_listen: everywhere(443) }
  }
}

/** The certificate that this server got for itself, if it has. */
function ownCertificate(dataDirectory: string): Partial<Config> {
  const { certificate, key } = certificateFiles(dataDirectory)
  return existsSync(certificate) && existsSync(key) ? { tls_certificate: certificate, tls_key: key } : {}
}

/** Whether nobody has said yet which name the server has; only without the owner's page the default is good enough. */
export function isNameless(config: Config, reader: Reader): boolean {
  return config.setup_listen !== undefined && !config.given.has('server_name') && answerOf(reader, 'serverName') === undefined
}
