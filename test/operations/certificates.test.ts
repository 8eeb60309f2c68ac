import { spawn } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { BlockList, createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createNetwork } from '../../src/federation/network.ts'
import { createCertificates } from '../../src/operations/certificates/certificates.ts'
import { certificateFiles, factsOf, isDue } from '../../src/operations/certificates/state.ts'
import { systemTimers } from '../../src/platform/clock.ts'
import { silentLog } from '../../src/platform/log.ts'
import { systemResolver } from '../../src/platform/resolver.ts'
import { createAuthority } from '../support/certificates.ts'
import { startDnsServer } from './dns-server.ts'

/** The test authority of Let's Encrypt: `go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1`. */
const pebble = [...(process.env.PATH ?? '').split(delimiter), join(homedir(), 'go', 'bin')]
  .map((directory) => join(directory, 'pebble'))
  .find((file) => existsSync(file))
if (!pebble)
  process.stderr.write('!!! The program pebble is missing: certificates by ACME are NOT tested with a real authority.\n')
const pebbleTest = test.skipIf(!pebble)

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A server's certificates, with pebble as authority, on a clock that can be put forward. */
async function kit(names: readonly string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-acme-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const authority = createAuthority()
  const { certFile, keyFile } = authority.issue('IP:127.0.0.1')
  const texts = new Map<string, string[]>()
  const dns = await startDnsServer(texts)
  const [port, managementPort, httpPort] = await Promise.all([freePort(), freePort(), freePort()])
  const config = {
    pebble: {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${managementPort}`,
      certificate: certFile,
      privateKey: keyFile,
      httpPort,
      tlsPort: httpPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: false,
    },
  }
  const configFile = join(directory, 'pebble.json')
  writeFileSync(configFile, JSON.stringify(config))
  const child = spawn(pebble ?? '', ['-config', configFile, '-dnsserver', dns.address, '-strict'], {
    env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await new Promise<void>((resolve, reject) => {
    let said = ''
    const listen = (text: string) => {
      said += text
      if (said.includes('ACME directory available at')) resolve()
    }
    child.stdout.setEncoding('utf8').on('data', listen)
    child.stderr.setEncoding('utf8').on('data', listen)
    child.once('close', () => reject(new Error(said)))
  })
  const allowed = new BlockList()
  allowed.addSubnet('127.0.0.0', 8)
  const network = createNetwork({ resolver: systemResolver, timers: systemTimers, allowed, extraCa: authority.ca })
  onTestFinished(() => network.close())
  const data = join(directory, 'data')
  let ahead = 0
  const make = () =>
    createCertificates({
      directory: data,
      clock: { now: () => Date.now() + ahead },
      log: silentLog,
      exchange: network.exchange,
      listen: { host: '127.0.0.1', port: httpPort },
      patience: { least: 50, most: 500 },
      givenFile: undefined,
    })
  return {
    files: certificateFiles(data),
    wish: { names, directory: `https://127.0.0.1:${port}/dir`, email: 'technik@praxis.test' },
    certificates: make(),
    again: make,
    texts,
    httpPort,
    putForward: (by: number) => (ahead = by),
  }
}

pebbleTest(
  'a certificate is obtained by HTTP, kept for its owner alone, and renewed with the same key when it is due',
  async () => {
    const { certificates, wish, files, putForward, again, httpPort } = await kit(['praxis.test', 'chat.praxis.test'])
    expect(certificates.current()).toBeUndefined()
    const facts = await certificates.obtain(wish)
    expect(facts.names.toSorted()).toEqual(['chat.praxis.test', 'praxis.test'])
    expect(facts).toMatchObject({ selfSigned: false, issuer: expect.stringContaining('Pebble') })
    expect(certificates.current()).toEqual(facts)
    expect(readdirSync(files.directory).sort()).toEqual(['account.json', 'account.key', 'request.json', 'tls.crt', 'tls.key'])
    for (const name of readdirSync(files.directory)) expect(statSync(join(files.directory, name)).mode & 0o777).toBe(0o600)
    const chain = readFileSync(files.certificate, 'utf8')
    expect(chain.match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(1)
    const key = readFileSync(files.key, 'utf8')
    expect(new X509Certificate(chain).checkPrivateKey(createPrivateKey(key))).toBe(true)
    // The door is open only while the authority asks.
    await expect(fetch(`http://127.0.0.1:${httpPort}/`)).rejects.toThrow()

    const [job] = again().jobs
    expect(job?.due?.()).toBe(false)
    const third = (facts.notAfter - facts.notBefore) / 3
    putForward(facts.notAfter - third - Date.now() - 60_000)
    expect(job?.due?.()).toBe(false)
    putForward(facts.notAfter - third - Date.now() + 60_000)
    expect(job?.due?.()).toBe(true)
    await job?.run(new AbortController().signal)
    expect(readFileSync(files.certificate, 'utf8')).not.toBe(chain)
    expect(readFileSync(files.key, 'utf8')).toBe(key)
  },
)

pebbleTest('a certificate is obtained with records that somebody puts into the DNS, over a restart', async () => {
  const { certificates, again, wish, texts, files } = await kit(['praxis.test', 'chat.praxis.test'])
  const records = await certificates.beginDns(wish)
  expect(records.map(({ name }) => name).toSorted()).toEqual(['_acme-challenge.chat.praxis.test', '_acme-challenge.praxis.test'])
  for (const { name, value } of records) texts.set(name, [value])
  const later = again()
  expect(later.waitingRecords()).toEqual(records)
  expect((await later.finishDns()).names.toSorted()).toEqual(['chat.praxis.test', 'praxis.test'])
  expect(later.waitingRecords()).toBeUndefined()
  expect(later.request()).toMatchObject({ proof: 'dns' })
  // Nobody can put the next records there at night.
  expect(later.jobs[0]?.due?.()).toBe(false)
  expect(existsSync(files.order)).toBe(false)
  await expect(later.finishDns()).rejects.toThrow('No order waits')
})

pebbleTest('what the authority finds wrong is said, and the certificate that there is stays', async () => {
  const { certificates, wish, texts, files } = await kit(['praxis.test'])
  await certificates.obtain(wish)
  const before = readFileSync(files.certificate, 'utf8')
  await certificates.beginDns({ ...wish, names: ['other.praxis.test'] })
  texts.set('_acme-challenge.other.praxis.test', ['not the right text'])
  await expect(certificates.finishDns()).rejects.toThrow(/other\.praxis\.test/)
  await expect(certificates.obtain({ ...wish, directory: 'https://127.0.0.1:1/dir' })).rejects.toThrow(/ECONNREFUSED/)
  expect(readFileSync(files.certificate, 'utf8')).toBe(before)
  expect(certificates.request()).toMatchObject({ names: ['praxis.test'], proof: 'http' })
})

test.each([
  ['no name', []],
  ['an address', ['192.0.2.1']],
  ['a wildcard', ['*.praxis.test']],
  ['a name without a dot', ['localhost']],
  ['a name with a blank', ['a b.test']],
])('%s is refused before the authority is asked', async (_, names) => {
  const certificates = createCertificates({
    directory: mkdtempSync(join(tmpdir(), 'hausbote-acme-')),
    clock: { now: () => 0 },
    log: silentLog,
    exchange: () => Promise.reject(new Error('asked')),
    listen: { host: '127.0.0.1', port: 0 },
    givenFile: undefined,
  })
  const wish = { names, directory: 'https://authority.test/dir' }
  await expect(certificates.obtain(wish)).rejects.toThrow(/possible|no name/)
  await expect(certificates.beginDns(wish)).rejects.toThrow(/possible|no name/)
  await expect(certificates.obtain({ names: ['a.test'], directory: 'http://authority.test' })).rejects.toThrow('https:')
})

test('a certificate that somebody else looks after is read, and left alone', async () => {
  const { certFile, cert } = createAuthority().issue('DNS:praxis.test,DNS:chat.praxis.test')
  const certificates = createCertificates({
    directory: mkdtempSync(join(tmpdir(), 'hausbote-acme-')),
    clock: { now: () => Date.now() },
    log: silentLog,
    exchange: undefined,
    listen: { host: '127.0.0.1', port: 0 },
    givenFile: certFile,
  })
  const facts = factsOf(cert)
  expect(facts).toMatchObject({ names: ['praxis.test', 'chat.praxis.test'], issuer: 'Test', selfSigned: false })
  expect(certificates.current()).toEqual(facts)
  expect(certificates.jobs[0]?.due?.()).toBe(false)
  expect([isDue(facts, facts.notBefore), isDue(facts, facts.notAfter)]).toEqual([false, true])
  await expect(certificates.obtain({ names: ['a.test'], directory: 'https://authority.test' })).rejects.toThrow(
    'no way to others',
  )
})
