import { existsSync } from 'node:fs'
import { type Config, ConfigProblems, settings } from '../config.ts'
import { certificateFiles } from '../operations/certificates/state.ts'
import { answerOf, answersOf } from '../setup/answers.ts'
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
  const publicUrl = reach?.way === 'proxy' ? reach.publicUrl : undefined
  return Object.freeze({
    ...config,
    ...(serverName !== undefined && { server_name: serverName }),
    ...(publicUrl !== undefined && !config.given.has('public_url') && { public_url: publicUrl }),
    ...(config.tls_certificate === undefined && ownCertificate(config.data_dir)),
  })
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
