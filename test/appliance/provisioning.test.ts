import { expect, test } from 'vitest'
import { readBoxTable } from '../../appliance/box/provisioning.ts'

const key = `ssh-ed25519 ${'A'.repeat(68)} technician@example.org`

test('a whole file becomes network, name, key, address of updates and settings of the server', () => {
  const { answers, problems } = readBoxTable({
    name: 'praxis-1',
    proxy: 'http://proxy.example.org:3128',
    update_source: 'https://updates.example.org/hausbote',
    ssh_key: key,
    network: { address: '192.168.1.20/24', gateway: '192.168.1.1', dns: ['192.168.1.1', '2001:db8::1'] },
    settings: { trusted_proxies: '10.0.0.0/8', log_level: 'debug' },
  })
  expect(problems).toEqual([])
  expect(answers).toEqual({
    name: 'praxis-1',
    updateSource: 'https://updates.example.org/hausbote',
    sshKey: key,
    network: expect.stringContaining('Address=192.168.1.20/24\nGateway=192.168.1.1\nDNS=192.168.1.1\nDNS=2001:db8::1\n'),
    environment: 'HAUSBOTE_TRUSTED_PROXIES=10.0.0.0/8\nHAUSBOTE_LOG_LEVEL=debug\nHTTPS_PROXY=http://proxy.example.org:3128\n',
  })
})

test('no file is no problem', () => {
  expect(readBoxTable({})).toEqual({ answers: { environment: '' }, problems: [] })
})

test('all problems are named at once, and nothing of such a file is used', () => {
  const { answers, problems } = readBoxTable({
    name: 'Praxis 1',
    proxy: 'proxy',
    update_source: 'http://plain.example.org',
    ssh_key: 'ssh-rsa AAAA',
    network: { address: '192.168.1.20', gateway: 'here', dns: 'there', mask: 24 },
    settings: { data_dir: '/', trusted_proxies: 'a b', log_level: 3 },
    colour: 'red',
  })
  expect(answers).toEqual({ environment: '' })
  expect(problems.map((problem) => problem.replace(/:.*/, ''))).toEqual([
    'box.colour',
    'box.name',
    'box.proxy',
    'box.update_source',
    'box.ssh_key',
    'box.network.mask',
    'box.network.address',
    'box.network.gateway',
    'box.network.dns',
    'box.settings.data_dir',
    'box.settings.trusted_proxies',
    'box.settings.log_level',
  ])
})

test.each(['x\nUser=root', 'x"', "x'", '$(id)', 'a`b'])('a value that would break out of its line is refused: %j', (value) => {
  expect(readBoxTable({ settings: { trusted_proxies: value } }).problems).toHaveLength(1)
  expect(readBoxTable({ network: { address: `${value}/24`, gateway: '10.0.0.1' } }).problems).toHaveLength(1)
  expect(readBoxTable({ name: value }).problems).toHaveLength(1)
})
