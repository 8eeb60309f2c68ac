import { expect, test } from 'vitest'
import { readProvisioning } from '../../appliance/box/provisioning.ts'

const key = `ssh-ed25519 ${'A'.repeat(68)} technician@example.org`

test('a whole file becomes network, name, key, address of updates and settings of the server', () => {
  const { answers, problems } = readProvisioning({
    name: 'praxis-1',
    proxy: 'http://proxy.example.org:3128',
    update_source: 'https://updates.example.org/hausbote',
    ssh_key: key,
    network: { address: '192.168.1.20/24', gateway: '192.168.1.1', dns: ['192.168.1.1', '2001:db8::1'] },
    server: { server_name: 'praxis.example.org', log_level: 'debug' },
  })
  expect(problems).toEqual([])
  expect(answers).toEqual({
    name: 'praxis-1',
    updateSource: 'https://updates.example.org/hausbote',
    sshKey: key,
    network: expect.stringContaining('Address=192.168.1.20/24\nGateway=192.168.1.1\nDNS=192.168.1.1\nDNS=2001:db8::1\n'),
    environment: 'HAUSBOTE_SERVER_NAME=praxis.example.org\nHAUSBOTE_LOG_LEVEL=debug\nHTTPS_PROXY=http://proxy.example.org:3128\n',
  })
})

test('no file is no problem', () => {
  expect(readProvisioning({})).toEqual({ answers: { environment: '' }, problems: [] })
})

test('all problems are named at once, and nothing of such a file is used', () => {
  const { answers, problems } = readProvisioning({
    name: 'Praxis 1',
    proxy: 'proxy',
    update_source: 'http://plain.example.org',
    ssh_key: 'ssh-rsa AAAA',
    network: { address: '192.168.1.20', gateway: 'here', dns: 'there', mask: 24 },
    server: { data_dir: '/', server_name: 'a b', log_level: 3 },
    colour: 'red',
  })
  expect(answers).toEqual({ environment: '' })
  expect(problems.map((problem) => problem.split(':')[0])).toEqual([
    'colour',
    'name',
    'proxy',
    'update_source',
    'ssh_key',
    'network.mask',
    'network.address',
    'network.gateway',
    'network.dns',
    'server.data_dir',
    'server.server_name',
    'server.log_level',
  ])
})

test.each(['x\nUser=root', 'x"', "x'", '$(id)', 'a`b'])('a value that would break out of its line is refused: %j', (value) => {
  expect(readProvisioning({ server: { server_name: value } }).problems).toHaveLength(1)
  expect(readProvisioning({ network: { address: `${value}/24`, gateway: '10.0.0.1' } }).problems).toHaveLength(1)
  expect(readProvisioning({ name: value }).problems).toHaveLength(1)
})
