import { type BlockList, isIP } from 'node:net'

/**
 * The network address of a client. A proxy that is trusted says whom it speaks for (`X-Forwarded-For`, nearest last);
 * what others claim there counts for nothing. `peer`: who is at the other end of the connection, empty in tests without one.
 */
export function clientAddress(peer: string, forwarded: string | null, trusted: BlockList): string {
  let address = plain(peer)
  const hops = forwarded === null ? [] : forwarded.split(',')
  while (hops.length > 0 && isTrusted(address, trusted)) {
    const hop = plain(hops.pop()?.trim() ?? '')
    if (isIP(hop) === 0) break
    address = hop
  }
  return address
}

/** A socket for both families shows IPv4 addresses inside IPv6 ones. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const family = isIP(address)
  return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4')
}
