import { BlockList } from 'node:net'
import { expect, test } from 'vitest'
import { clientAddress } from '../../src/http/client-address.ts'

const trusted = new BlockList()
trusted.addSubnet('127.0.0.0', 8)
trusted.addAddress('::1', 'ipv6')
trusted.addAddress('10.0.0.7')

test.each([
  ['no proxy', '192.0.2.1', null, '192.0.2.1'],
  ['a stranger who claims to be somebody else', '192.0.2.1', '198.51.100.9', '192.0.2.1'],
  ['a proxy on the same machine', '127.0.0.1', '198.51.100.9', '198.51.100.9'],
  ['a proxy over IPv6, an IPv6 client', '::1', '2001:db8::5', '2001:db8::5'],
  ['a socket for both families', '::ffff:127.0.0.1', '198.51.100.9', '198.51.100.9'],
  ['two proxies', '127.0.0.1', '198.51.100.9, 10.0.0.7', '198.51.100.9'],
  ['a client that invents a hop', '127.0.0.1', '203.0.113.1, 198.51.100.9', '198.51.100.9'],
  ['a proxy that names nobody', '127.0.0.1', null, '127.0.0.1'],
  ['a hop that is no address', '127.0.0.1', 'unknown', '127.0.0.1'],
  ['an empty header', '127.0.0.1', '', '127.0.0.1'],
])('%s', (_, peer, forwarded, expected) => {
  expect(clientAddress(peer, forwarded, trusted)).toBe(expected)
})
