import { BlockList, isIP } from 'node:net'

/** Source: IANA IPv4 special-purpose address registry; multicast and what is reserved for future use. */
const internal4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]
/** Of the global IPv6 addresses those that are not of one host: tunnels, benchmarks, documentation. Source: the registry for IPv6. */
const internal6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

const special = new BlockList()
for (const [network, bits] of internal4) special.addSubnet(network, bits, 'ipv4')
for (const [network, bits] of internal6) special.addSubnet(network, bits, 'ipv6')
const global6 = new BlockList()
global6.addSubnet('2000::', 3, 'ipv6')

/** Whether a request may go to an address: one of the public internet, or one that the owner allowed. */
export function mayReach(address: string, allowed: BlockList): boolean {
  const family = isIP(address)
  // An address with a zone is of a network right here.
  if (family === 0 || address.includes('%')) return false
  const plain = family === 6 ? (embeddedIpv4(address) ?? address) : address
  const kind = isIP(plain) === 6 ? 'ipv6' : 'ipv4'
  if (allowed.check(plain, kind)) return true
  return !special.check(plain, kind) && (kind === 'ipv4' || global6.check(plain, 'ipv6'))
}

/** The IPv4 address inside a mapped one (`::ffff:0:0/96`) or that of a translator (`64:ff9b::/96`, RFC 6052). */
function embeddedIpv4(address: string): string | undefined {
  // The URL parser writes every spelling of an address in one way.
  const written = new URL(`https://[${address}]`).hostname
  const groups = /^\[(?:::ffff|64:ff9b:):([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(written)
  if (!groups) return undefined
  const [high, low] = [Number.parseInt(groups[1]!, 16), Number.parseInt(groups[2]!, 16)]
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}
