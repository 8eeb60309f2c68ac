import type { Resolver } from '../platform/resolver.ts'

/** A record that the practice's domain needs, and what the domain name system says now. */
export interface DnsRecord {
  readonly name: string
  readonly type: 'A' | 'SRV'
  /** Undefined: the public address of the practice, which only its provider knows. */
  readonly value: string | undefined
  /** What is there now; empty: nothing; undefined: nobody answered. */
  readonly found: readonly string[] | undefined
}

/** The records for a server `serverName` that is reached at `host`; source: server-server API, "Server discovery". */
export async function dnsRecords(resolver: Resolver, serverName: string, host: string): Promise<readonly DnsRecord[]> {
  const address: DnsRecord = { name: host, type: 'A', value: undefined, found: await addressesOf(resolver, host) }
  if (host === serverName) return [address]
  const service = `_matrix-fed._tcp.${serverName}`
  const found = (await resolver.services(service)).map(
    (record) => `${record.priority} ${record.weight} ${record.port} ${record.host}`,
  )
  return [address, { name: service, type: 'SRV', value: `0 0 8448 ${host}`, found }]
}

async function addressesOf(resolver: Resolver, host: string): Promise<readonly string[] | undefined> {
  try {
    return await resolver.addresses(host)
  } catch {
    // No name server could be asked; the page says that it cannot be checked.
    return undefined
  }
}
