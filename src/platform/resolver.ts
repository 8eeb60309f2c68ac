import { Resolver as Question } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'

/** An SRV record: RFC 2782. */
export interface Service {
  readonly host: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/** Questions to the domain name system. */
export interface Resolver {
  /** IP addresses; none: there is no such name. Rejects when nobody answers. */
  addresses(host: string): Promise<readonly string[]>
  /** SRV records in no order; none as well when nobody answers. */
  services(name: string): Promise<readonly Service[]>
}

/** Of one server, and how often all servers are asked; milliseconds. */
const patience = { timeout: 2500, tries: 2 }
const hostsFile = '/etc/hosts'

/**
 * Asks name servers without a thread for each question: `dns.lookup` would hold one of the few threads that make the database durable for
 * as long as a name server is silent. Hence the hosts file is read here.
 */
export const systemResolver: Resolver = {
  async addresses(host) {
    const written = hostAddresses(await readHosts(), host)
    if (written.length > 0) return written
    // A question of its own each time, for the machine may have come to another network with other name servers.
    const question = new Question(patience)
    const [six, four] = await Promise.allSettled([question.resolve6(host), question.resolve4(host)])
    const found = [six, four].flatMap((part) => (part.status === 'fulfilled' ? part.value : []))
    const failure = [six, four].find((part) => part.status === 'rejected' && !isAbsent(part.reason))
    if (found.length === 0 && failure?.status === 'rejected') throw failure.reason
    return found
  },
  async services(name) {
    try {
      const records = await new Question(patience).resolveSrv(name)
      return records.map(({ name: host, port, priority, weight }) => ({ host, port, priority, weight }))
    } catch {
      // Closed networks have names in hosts files, and no name server that knows of services. TLS tells a wrong host from the right one.
      return []
    }
  },
}

async function readHosts(): Promise<string> {
  try {
    return await readFile(hostsFile, 'utf8')
  } catch (error) {
    // Small containers have none.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** The addresses that the text of a hosts file gives to a name. */
export function hostAddresses(text: string, host: string): readonly string[] {
  const wanted = host.toLowerCase()
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    return isIP(address) !== 0 && names.some((name) => name.toLowerCase() === wanted) ? [address] : []
  })
}

function isAbsent(error: { readonly code?: string }): boolean {
  return error.code === 'ENOTFOUND' || error.code === 'ENODATA'
}
