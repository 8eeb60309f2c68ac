import { BlockList, isIP } from 'node:net'

const near = new BlockList()
near.addSubnet('127.0.0.0', 8)
near.addSubnet('10.0.0.0', 8)
near.addSubnet('172.16.0.0', 12)
near.addSubnet('192.168.0.0', 16)
near.addSubnet('169.254.0.0', 16)
near.addAddress('::1', 'ipv6')
near.addSubnet('fc00::', 7, 'ipv6')
near.addSubnet('fe80::', 10, 'ipv6')

/** Whether an address is of this machine or of a private network around it; source: RFC 1918, RFC 4193, RFC 3927, RFC 4291. */
export function isNear(address: string): boolean {
  const plain = (address.startsWith('::ffff:') ? address.slice(7) : address).replace(/%.*$/, '')
  const family = isIP(plain)
  return family !== 0 && near.check(plain, family === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Whether the page may be asked for under this name (header `Host`). A foreign web page can make its own name point to this machine (DNS
 * rebinding), but it cannot make the browser send a bare address or one of our names.
 */
export function isOwnHost(host: string | undefined, names: ReadonlySet<string>): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false
  const url = new URL(`http://${host}`)
  if (url.username !== '' || url.pathname !== '/') return false
  const name = url.hostname.replace(/^\[|\]$/g, '')
  return isNear(name) || names.has(name)
}
