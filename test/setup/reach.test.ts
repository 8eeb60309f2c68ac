import { expect, test } from 'vitest'
import { effectiveConfig } from '../../src/box/effective-config.ts'
import { loadConfig } from '../../src/config.ts'
import { type Reach, setAnswer } from '../../src/setup/answers.ts'
import { dnsRecords } from '../../src/setup/dns-records.ts'
import { readServerName } from '../../src/setup/server-name.ts'
import { createPage } from './kit.ts'

async function configFor(reach: Reach, settings: Readonly<Record<string, string>> = {}) {
  const { storage, directory } = await createPage()
  await storage.write((tx) => setAnswer(tx, 'reach', reach))
  return effectiveConfig(loadConfig({ HAUSBOTE_DATA_DIR: directory, ...settings }), storage.reader)
}

test('within the practice phones reach the server, and no other server does', async () => {
  expect(await configFor({ way: 'local' })).toMatchObject({
    listen: { host: '0.0.0.0', port: 8008 },
    public_url: undefined,
    federation_listen: undefined,
    secure_listen: undefined,
  })
})

test('behind a proxy other servers arrive with the rest', async () => {
  expect(await configFor({ way: 'proxy', publicUrl: 'https://chat.praxis.test' })).toMatchObject({
    listen: { host: '0.0.0.0', port: 8008 },
    public_url: 'https://chat.praxis.test',
    federation_listen: { host: '127.0.0.1', port: 8448 },
  })
})

test('with an address of its own the box opens the usual ports', async () => {
  expect(await configFor({ way: 'own', host: 'chat.praxis.test' })).toMatchObject({
    public_url: 'https://chat.praxis.test',
    federation_listen: { host: '0.0.0.0', port: 8448 },
    secure_listen: { host: '0.0.0.0', port: 443 },
  })
})

test('what the configuration says wins', async () => {
  const settings = { HAUSBOTE_LISTEN: '127.0.0.1:9000', HAUSBOTE_PUBLIC_URL: 'https://fixed.test', HAUSBOTE_SECURE_LISTEN: 'off' }
  expect(await configFor({ way: 'own', host: 'chat.praxis.test' }, settings)).toMatchObject({
    listen: { host: '127.0.0.1', port: 9000 },
    public_url: 'https://fixed.test',
    secure_listen: undefined,
  })
})

test('the records to enter, with what is there now', async () => {
  const resolver = {
    addresses: (host: string) =>
      host === 'away.test' ? Promise.reject(new Error('no way out')) : Promise.resolve(['192.0.2.7']),
    services: () => Promise.resolve([{ host: 'chat.praxis.test', port: 8448, priority: 0, weight: 0 }]),
  }
  expect(await dnsRecords(resolver, 'praxis.test', 'praxis.test')).toEqual([
    { name: 'praxis.test', type: 'A', value: undefined, found: ['192.0.2.7'] },
  ])
  expect(await dnsRecords(resolver, 'praxis.test', 'chat.praxis.test')).toEqual([
    { name: 'chat.praxis.test', type: 'A', value: undefined, found: ['192.0.2.7'] },
    {
      name: '_matrix-fed._tcp.praxis.test',
      type: 'SRV',
      value: '0 0 8448 chat.praxis.test',
      found: ['0 0 8448 chat.praxis.test'],
    },
  ])
  expect((await dnsRecords(resolver, 'away.test', 'away.test'))[0]?.found).toBeUndefined()
})

test.each([
  ['praxis-sommer.de', 'praxis-sommer.de'],
  ['Praxis-Sommer.DE', 'praxis-sommer.de'],
  ['https://praxis-sommer.de/', 'praxis-sommer.de'],
  ['chat.praxis-sommer.de', 'chat.praxis-sommer.de'],
  ['praxis', undefined],
  ['praxis sommer.de', undefined],
  ['192.168.1.1', undefined],
  ['praxis-sommer.de:8448', undefined],
  ['-praxis.de', undefined],
  ['praxis..de', undefined],
  [`${'a'.repeat(64)}.de`, undefined],
])('the name %s is read as %s', (typed, name) => {
  expect(readServerName(typed)).toBe(name)
})
