import { isIP } from 'node:net'

/** What the machine makes of the file; undefined: the file says nothing about it. */
export interface Provisioned {
  /** In the own network, without `.local`. */
  readonly name?: string
  /** A file of systemd-networkd. */
  readonly network?: string
  readonly updateSource?: string
  readonly sshKey?: string
  /** Lines for the server's environment. */
  readonly environment: string
}

/** Settings of docs/configuration.md that may stand in the table `[box.settings]`; the others would take the box apart. */
const serverSettings = [
  'server_name',
  'public_url',
  'trusted_proxies',
  'allow_addresses',
  'log_level',
  'max_upload_bytes',
] as const

/** The table `[box]` of the file; everything that is wrong is named at once. */
export function readBoxTable(content: unknown): { readonly answers: Provisioned; readonly problems: readonly string[] } {
  const problems: string[] = []
  const table = (content ?? {}) as Readonly<Record<string, unknown>>
  const known = new Set(['name', 'network', 'proxy', 'update_source', 'ssh_key', 'settings'])
  for (const name of Object.keys(table)) if (!known.has(name)) problems.push(`box.${name}: there is no such answer`)

  const text = (name: string, pattern: RegExp, what: string): string | undefined => {
    const value = table[name]
    if (value === undefined) return undefined
    if (typeof value === 'string' && pattern.test(value)) return value
    problems.push(`box.${name}: must be ${what}`)
    return undefined
  }
  const name = text('name', /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/, 'a name of small letters, digits and hyphens, such as praxis-1')
  const proxy = text('proxy', /^https?:\/\/[^\s"'\\]+$/, 'an address such as http://proxy.example.org:3128')
  const updateSource = text(
    'update_source',
    /^https:\/\/[^\s"'\\]+[^/]$/,
    'an address such as https://updates.example.org/hausbote',
  )
  const sshKey = text('ssh_key', /^ssh-ed25519 [A-Za-z0-9+/=]{68}( [\w@.-]+)?$/, 'a public key of the kind ssh-ed25519')
  const network = networkFile(table.network, problems)
  const environment = [...serverLines(table.settings, problems), ...(proxy === undefined ? [] : [`HTTPS_PROXY=${proxy}`])]
  if (problems.length > 0) return { answers: { environment: '' }, problems }
  return {
    answers: {
      environment: environment.map((line) => `${line}\n`).join(''),
      ...(name !== undefined && { name }),
      ...(network !== undefined && { network }),
      ...(updateSource !== undefined && { updateSource }),
      ...(sshKey !== undefined && { sshKey }),
    },
    problems,
  }
}

function networkFile(value: unknown, problems: string[]): string | undefined {
  if (value === undefined) return undefined
  const table = value as Readonly<Record<string, unknown>>
  const { address, gateway, dns = [] } = table
  for (const name of Object.keys(table))
    if (!['address', 'gateway', 'dns'].includes(name)) problems.push(`box.network.${name}: there is no such answer`)
  const [ip = '', bits = ''] = typeof address === 'string' ? address.split('/') : []
  const most = isIP(ip) === 6 ? 128 : 32
  if (isIP(ip) === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > most)
    problems.push('box.network.address: must be such as 192.168.1.20/24')
  if (typeof gateway !== 'string' || isIP(gateway) === 0)
    problems.push('box.network.gateway: must be an address such as 192.168.1.1')
  if (!Array.isArray(dns) || !dns.every((one) => typeof one === 'string' && isIP(one) !== 0))
    problems.push('box.network.dns: must be a list of addresses such as ["192.168.1.1"]')
  const names = Array.isArray(dns) ? dns : []
  const lines = [
    '[Match]',
    'Type=ether',
    '',
    '[Network]',
    `Address=${address}`,
    `Gateway=${gateway}`,
    ...names.map((one) => `DNS=${one}`),
  ]
  return `${[...lines, 'MulticastDNS=yes', 'LLMNR=no'].join('\n')}\n`
}

function serverLines(value: unknown, problems: string[]): string[] {
  if (value === undefined) return []
  return Object.entries(value as Readonly<Record<string, unknown>>).flatMap(([name, setting]) => {
    if (!serverSettings.some((known) => known === name)) {
      problems.push(`box.settings.${name}: there is no such answer`)
      return []
    }
    if (typeof setting !== 'string' || !/^[^\s"'\\$`]{1,1000}$/.test(setting)) {
      problems.push(`box.settings.${name}: must be a text without spaces and quotes`)
      return []
    }
    return [`HAUSBOTE_${name.toUpperCase()}=${setting}`]
  })
}
