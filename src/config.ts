import { readFileSync } from 'node:fs'
import { BlockList } from 'node:net'
import { resolve } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import {
  anyText,
  directory,
  existingFile,
  httpUrl,
  listenAddress,
  loopback,
  networks,
  oneOf,
  onOff,
  optionalListenAddress,
  serverName,
  serverNames,
  wholeNumber,
} from './config-values.ts'
import type { ServerName } from './matrix/identifiers.ts'
import { roomVersions } from './matrix/room-versions.ts'

/** One setting: its name in the file, in the environment, and how its text is read. */
interface Setting<Value> {
  readonly environment: string
  readonly fallback: Value
  /** As the documentation writes the default. */
  readonly fallbackText: string
  readonly values: string
  readonly about: string
  /** The value, or what is wrong with the text. */
  read(text: string): { value: Value } | { problem: string }
}

function setting<Value>(
  environment: string,
  read: Setting<Value>['read'],
  fallback: Value,
  fallbackText: string,
  values: string,
  about: string,
): Setting<Value> {
  return { environment, read, fallback, fallbackText, values, about }
}

/** Every setting. The names, in the file and in the environment, are public interface. */
export const settings = {
  data_dir: setting(
    'HAUSBOTE_DATA_DIR',
    directory,
    resolve('data'),
    '`./data`',
    'a directory',
    'Everything that the server keeps: database, media, signing key.',
  ),
  server_name: setting(
    'HAUSBOTE_SERVER_NAME',
    serverName,
    'localhost',
    '`localhost`',
    'a host name',
    'The part of all user ids behind the colon. It can never be changed once people use the server.',
  ),
  listen: setting(
    'HAUSBOTE_LISTEN',
    listenAddress,
    { host: '127.0.0.1', port: 8008 },
    '`127.0.0.1:8008`',
    '`host:port`',
    'Where clients reach the server (plain HTTP; put TLS in front of it).',
  ),
  public_url: setting<string | undefined>(
    'HAUSBOTE_PUBLIC_URL',
    httpUrl,
    undefined,
    'none',
    'an http(s) URL',
    'Where clients reach the server from outside; answers `/.well-known/matrix/client`.',
  ),
  federation_listen: setting(
    'HAUSBOTE_FEDERATION_LISTEN',
    optionalListenAddress,
    undefined,
    '`off`',
    '`host:port` or `off`',
    'Where other servers reach this one: with a certificate (the next settings) through TLS, otherwise plain HTTP for a proxy. `off`: it speaks with no other server.',
  ),
  federation_address: setting<string | undefined>(
    'HAUSBOTE_FEDERATION_ADDRESS',
    serverName,
    undefined,
    'none',
    '`host:port`',
    'Where other servers reach this one from outside, if not at port 8448 of its name; answers `/.well-known/matrix/server`.',
  ),
  key_notaries: setting<readonly ServerName[]>(
    'HAUSBOTE_KEY_NOTARIES',
    serverNames,
    [],
    'none',
    'server names, comma-separated',
    'Servers that are believed about the keys of servers that do not answer themselves.',
  ),
  setup_listen: setting(
    'HAUSBOTE_SETUP_LISTEN',
    optionalListenAddress,
    { host: '0.0.0.0', port: 8450 },
    '`0.0.0.0:8450`',
    '`host:port` or `off`',
    "Where the owner's page is (plain HTTP); it answers this machine and private networks only. Nothing else is served until somebody has claimed the box there. `off`: no page, and the server serves at once.",
  ),
  provisioning_file: setting<string | undefined>(
    'HAUSBOTE_PROVISIONING_FILE',
    directory,
    undefined,
    'none',
    'a TOML file',
    'Answers to the questions of the setup, read while nobody owns the box ([provisioning.md](provisioning.md)); it need not be there.',
  ),
  claim_file: setting<string | undefined>(
    'HAUSBOTE_CLAIM_FILE',
    directory,
    undefined,
    'none',
    'a file',
    'Where the claim code is written too, for a screen or a label, as long as nobody owns the box.',
  ),
  secure_listen: setting(
    'HAUSBOTE_SECURE_LISTEN',
    optionalListenAddress,
    undefined,
    '`off`',
    '`host:port` or `off`',
    'Where clients reach the server through TLS, with the certificate of the next settings or the one that the box got for itself.',
  ),
  metrics_listen: setting(
    'HAUSBOTE_METRICS_LISTEN',
    optionalListenAddress,
    undefined,
    '`off`',
    '`host:port` or `off`',
    '`/metrics` (Prometheus) and `/health`.',
  ),
  tls_certificate: setting<string | undefined>(
    'HAUSBOTE_TLS_CERTIFICATE',
    existingFile,
    undefined,
    'none',
    'a PEM file',
    'Certificate of the federation listener, with those between it and its authority.',
  ),
  tls_key: setting<string | undefined>('HAUSBOTE_TLS_KEY', existingFile, undefined, 'none', 'a PEM file', 'Its private key.'),
  acme_listen: setting(
    'HAUSBOTE_ACME_LISTEN',
    listenAddress,
    { host: '::', port: 80 },
    '`[::]:80`',
    '`host:port`',
    'Where a certificate authority asks for proof (ACME, HTTP-01) while a certificate is being obtained; it asks on port 80 of the public name.',
  ),
  extra_ca: setting<string | undefined>(
    'HAUSBOTE_EXTRA_CA',
    existingFile,
    undefined,
    'none',
    'a PEM file',
    'Authorities that outgoing requests trust besides the usual ones.',
  ),
  registration: setting(
    'HAUSBOTE_REGISTRATION',
    oneOf('closed', 'token', 'open'),
    'closed',
    '`closed`',
    '`closed`, `token`, `open`',
    'Who may make an account through a client: nobody, those with a registration token, or everybody.',
  ),
  registration_shared_secret: setting<string | undefined>(
    'HAUSBOTE_REGISTRATION_SHARED_SECRET',
    anyText,
    undefined,
    'none',
    'a text',
    'Turns `/_synapse/admin/v1/register` on for those who know it.',
  ),
  rate_limits: setting(
    'HAUSBOTE_RATE_LIMITS',
    onOff,
    true,
    '`on`',
    '`on`, `off`',
    'Limits on how often clients may ask. `off` is for tests and measurements.',
  ),
  default_room_version: setting(
    'HAUSBOTE_DEFAULT_ROOM_VERSION',
    oneOf(...roomVersions.keys()),
    '12',
    '`12`',
    '`1` to `12`',
    'Version of new rooms whose maker names none.',
  ),
  encrypt_new_rooms: setting(
    'HAUSBOTE_ENCRYPT_NEW_ROOMS',
    onOff,
    true,
    '`on`',
    '`on`, `off`',
    'Whether new private rooms are encrypted when their maker says nothing about it.',
  ),
  presence: setting(
    'HAUSBOTE_PRESENCE',
    onOff,
    true,
    '`on`',
    '`on`, `off`',
    'Whether people see who else is there at the moment.',
  ),
  open_media: setting(
    'HAUSBOTE_OPEN_MEDIA',
    onOff,
    false,
    '`off`',
    '`on`, `off`',
    'Whether pictures and files can be had without signing in, by whoever knows their address, as clients of before 2024 need it.',
  ),
  max_upload_bytes: setting(
    'HAUSBOTE_MAX_UPLOAD_BYTES',
    wholeNumber(1024, 10_737_418_240),
    104_857_600,
    '`104857600`',
    'bytes',
    'The largest file that a client may upload, and that is fetched from another server.',
  ),
  remote_media_cache_bytes: setting(
    'HAUSBOTE_REMOTE_MEDIA_CACHE_BYTES',
    wholeNumber(0, 999_999_999_999),
    5_368_709_120,
    '`5368709120`',
    'bytes',
    'How much is kept of the media that were fetched from other servers; what was not used for longest goes first.',
  ),
  allow_addresses: setting(
    'HAUSBOTE_ALLOW_ADDRESSES',
    networks,
    new BlockList(),
    'none',
    'networks, comma-separated',
    'Internal networks that outgoing requests may reach although they are internal.',
  ),
  trusted_proxies: setting(
    'HAUSBOTE_TRUSTED_PROXIES',
    networks,
    loopback(),
    '`127.0.0.0/8,::1`',
    'networks, comma-separated',
    'Proxies in front of the server that are believed about where a request comes from (`X-Forwarded-For`).',
  ),
  backup_repository: setting<string | undefined>(
    'HAUSBOTE_BACKUP_REPOSITORY',
    anyText,
    undefined,
    'none',
    'a repository of restic',
    'Where the nightly backup goes, instead of what `hausbote backup target` saved: a directory, `sftp:…` or `s3:…`.',
  ),
  backup_passphrase_file: setting<string | undefined>(
    'HAUSBOTE_BACKUP_PASSPHRASE_FILE',
    existingFile,
    undefined,
    'none',
    'a file with mode 0600',
    'The passphrase of that backup.',
  ),
  log_level: setting(
    'HAUSBOTE_LOG_LEVEL',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace'),
    'info',
    '`info`',
    '`fatal` to `trace`',
    'How much is written to standard output.',
  ),
} as const

type Settings = typeof settings
export type Config = { readonly [Name in keyof Settings]: Settings[Name] extends Setting<infer Value> ? Value : never } & {
  /** The settings that somebody wrote down; the others have their defaults. */
  readonly given: ReadonlySet<keyof Settings>
}

/** Not started, and why: one line for each problem. */
export class ConfigProblems extends Error {
  override readonly name = 'ConfigProblems'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** Reads the file that `HAUSBOTE_CONFIG` names, then the environment, which wins. Throws `ConfigProblems` with every problem at once. */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = []
  const file = readFile(environment.HAUSBOTE_CONFIG, problems)
  const known = new Set<string>(['HAUSBOTE_CONFIG', ...Object.values(settings).map((entry) => entry.environment)])
  for (const name of Object.keys(environment))
    if (name.startsWith('HAUSBOTE_') && !known.has(name)) problems.push(`${name}: there is no such setting`)
  const given = new Set<string>()
  const config: Record<string, unknown> = { given }
  for (const [name, entry] of Object.entries(settings)) {
    const fromEnvironment = environment[entry.environment]
    const text = fromEnvironment ?? file[name]
    if (text === undefined) {
      config[name] = entry.fallback
      continue
    }
    given.add(name)
    const read = entry.read(text)
    if ('problem' in read)
      problems.push(
        `${fromEnvironment === undefined ? `${name} (${environment.HAUSBOTE_CONFIG})` : entry.environment}: ${read.problem}`,
      )
    else config[name] = read.value
  }
  for (const [one, other] of [
    ['tls_certificate', 'tls_key'],
    ['tls_key', 'tls_certificate'],
    ['backup_repository', 'backup_passphrase_file'],
    ['backup_passphrase_file', 'backup_repository'],
  ] as const) {
    if (config[one] !== undefined && config[other] === undefined)
      problems.push(`${settings[other].environment}: is needed together with ${settings[one].environment}`)
  }
  if (problems.length > 0) throw new ConfigProblems(problems)
  return Object.freeze(config) as Config
}

function readFile(path: string | undefined, problems: string[]): Record<string, string> {
  if (path === undefined) return {}
  const texts: Record<string, string> = {}
  let content: Record<string, unknown>
  try {
    content = parseToml(readFileSync(path, 'utf8'))
  } catch (error) {
    problems.push(`HAUSBOTE_CONFIG: ${path} cannot be read: ${(error as Error).message}`)
    return {}
  }
  for (const [name, value] of Object.entries(content)) {
    if (!Object.hasOwn(settings, name)) problems.push(`${name} (${path}): there is no such setting`)
    else if (typeof value === 'boolean') texts[name] = value ? 'on' : 'off'
    else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') texts[name] = String(value)
    else problems.push(`${name} (${path}): must be a text or a number`)
  }
  return texts
}
