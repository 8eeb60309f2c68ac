import { BlockList } from 'node:net'
import { expect, it } from 'vitest'
import { mayReach } from '../../src/federation/addresses.ts'

const none = new BlockList()

it.each([
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '100.127.255.254',
  '127.0.0.1',
  '127.255.255.255',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.8',
  '192.168.178.1',
  '198.19.0.1',
  '203.0.113.5',
  '224.0.0.251',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '0:0:0:0:0:FFFF:C0A8:0001',
  '64:ff9b::10.0.0.1',
  '64:ff9b::',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '3fff::1',
  '4000::1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fe80::1%eth0',
  '2606:4700::1111%eth0',
  'ff02::1',
  'localhost',
  '',
])('%j is not reached', (address) => {
  expect(mayReach(address, none)).toBe(false)
})

it.each(['1.1.1.1', '100.63.255.255', '100.128.0.1', '172.15.0.1', '172.32.0.1', '223.255.255.254', '::ffff:1.1.1.1'])(
  '%s is reached',
  (address) => expect(mayReach(address, none)).toBe(true),
)

it.each(['2606:4700::1111', '2a00:1450:4001:80b::200e', '64:ff9b::1.1.1.1'])('%s is reached', (address) =>
  expect(mayReach(address, none)).toBe(true),
)

it('what the owner allows is reached in every spelling, and nothing beside it', () => {
  const allowed = new BlockList()
  allowed.addSubnet('192.168.1.0', 24)
  allowed.addSubnet('fd00::', 16, 'ipv6')
  for (const address of ['192.168.1.9', '::ffff:192.168.1.9', '64:ff9b::c0a8:109', 'fd00::1', '1.1.1.1'])
    expect(mayReach(address, allowed), address).toBe(true)
  for (const address of ['192.168.2.9', '::ffff:192.168.2.9', 'fd01::1', '127.0.0.1'])
    expect(mayReach(address, allowed), address).toBe(false)
})
