import { expect, test } from 'vitest'
import type { Incoming, Unanswered } from '../../src/federation/network.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import { createClockGuard } from '../../src/operations/clock-guard.ts'
import { explainCheck } from '../../src/operations/self-test/explain.ts'
import { checkNames } from '../../src/operations/self-test/names.ts'
import type { CheckId } from '../../src/operations/self-test/result.ts'
import { type SelfTestDeps, selfTest } from '../../src/operations/self-test/self-test.ts'
import { silentLog } from '../../src/platform/log.ts'
import type { Service } from '../../src/platform/resolver.ts'

const now = Date.UTC(2026, 5, 1)
const day = 86_400_000
const cors = { 'access-control-allow-origin': '*' }

function json(body: unknown, headers: Record<string, string> = cors, status = 200): Incoming {
  return { status, headers, body: Buffer.from(JSON.stringify(body)) }
}

const problem = (text: string): Unanswered => ({ problem: text, sent: false })

interface Circumstances {
  readonly dns: Record<string, readonly string[]>
  readonly local: readonly string[]
  readonly answers: Record<string, Incoming | Unanswered>
  readonly services: Record<string, readonly Service[]>
  readonly certificate: { names: string[]; days: number; selfSigned?: boolean } | undefined
}

/** All is as it should be. */
const well: Circumstances = {
  dns: { 'praxis.example': ['5.9.1.1', '2a01:4f8::1'], 'chat.praxis.example': ['5.9.1.1'] },
  local: ['192.168.1.5', '2a01:4f8::1'],
  answers: {
    'https://praxis.example/.well-known/matrix/server': json({ 'm.server': 'chat.praxis.example:443' }),
    'https://praxis.example/.well-known/matrix/client': json({ 'm.homeserver': { base_url: 'https://chat.praxis.example' } }),
    'https://chat.praxis.example/_matrix/client/versions': json({ versions: ['v1.12'] }),
    'chat.praxis.example:443/_matrix/key/v2/server': json({
      server_name: 'praxis.example',
      verify_keys: { 'ed25519:a': { key: 'x' } },
    }),
    'push.example:443/_matrix/push/v1/notify': json({}, {}, 405),
  },
  services: {},
  certificate: { names: ['praxis.example', 'chat.praxis.example'], days: 60 },
}

function depsOf(c: Circumstances): SelfTestDeps {
  const answer = async (address: string) => c.answers[address] ?? problem('nobody is there')
  const clock = { now: () => now }
  return {
    serverName: 'praxis.example' as ServerName,
    keyId: () => 'ed25519:a',
    publicUrl: 'https://chat.praxis.example',
    outside: {
      send: (server, { target }) => answer(`${server}${target}`),
      get: (url) => answer(url),
      exchange: ({ host, port, target }) => answer(`${host}:${port}${target}`),
      services: async (name) => c.services[name] ?? [],
    },
    resolver: { addresses: async (name) => c.dns[name] ?? [], services: async () => [] },
    clock,
    clockGuard: createClockGuard({
      clock,
      log: silentLog,
      partners: () => ['one', 'two'],
      dateOf: async () => ({ date: new Date(now).toUTCString() }),
      lastKnown: () => undefined,
    }),
    certificates: {
      current: () =>
        c.certificate && {
          names: c.certificate.names,
          issuer: 'Authority',
          selfSigned: c.certificate.selfSigned ?? false,
          notBefore: now - day,
          notAfter: now + c.certificate.days * day,
        },
    } as SelfTestDeps['certificates'],
    localAddresses: () => c.local,
    pushGateways: () => ['https://push.example/_matrix/push/v1/notify'],
    status: async () => ({
      disk: { state: 'ok', readOnly: false, freeBytes: 1, totalBytes: 2, usedBytes: 1, forecastDays: null },
      backup: { state: 'ok', target: '/usb', reason: null, lastSuccess: now, lastTest: now, problem: null },
    }),
  }
}

test('where all is well, all is said to be well', async () => {
  const results = await selfTest(depsOf(well))
  expect(results.filter(({ state }) => state !== 'ok')).toEqual([])
  expect(results.map(({ id }) => id).sort()).toEqual([
    ...['address-translation', 'backup', 'certificate', 'client', 'clock', 'disk', 'dns', 'federation', 'ipv6'],
    ...['push-gateways', 'srv', 'well-known-client', 'well-known-server'],
  ])
  for (const line of results.map(explainCheck)) expect(line).toMatch(/^ok {4}[A-Z.].*: .+/)
})

type Case = readonly [what: string, change: Partial<Circumstances>, id: CheckId, state: string, reason: string, words: RegExp]

const answering = (answers: Circumstances['answers']) => ({ answers: { ...well.answers, ...answers } })
const cases: readonly Case[] = [
  ['no address', { dns: {} }, 'dns', 'fail', 'no-address', /no address for praxis\.example: add an A record/],
  [
    'a name inside only',
    { dns: { ...well.dns, 'praxis.example': ['192.168.1.5'] } },
    'dns',
    'warn',
    'internal-only',
    /192\.168\.1\.5/,
  ],
  ['IPv6 promised and not had', { local: ['192.168.1.5', 'fd00::5'] }, 'ipv6', 'fail', 'promised-only', /Remove the AAAA record/],
  ['a shared address', { local: ['100.80.1.2'] }, 'address-translation', 'fail', 'carrier', /100\.80\.1\.2.*public address/],
  [
    'SRV that says no',
    { services: { '_matrix-fed._tcp.praxis.example': [{ host: '.', port: 0, priority: 0, weight: 0 }] } },
    'srv',
    'fail',
    'nowhere',
    /remove it/,
  ],
  [
    'a closed port',
    answering({ 'chat.praxis.example:443/_matrix/key/v2/server': problem('connect ECONNREFUSED 5.9.1.1:443') }),
    'federation',
    'fail',
    'closed',
    /port is not open/,
  ],
  [
    'no answer',
    answering({ 'chat.praxis.example:443/_matrix/key/v2/server': problem('No connection in time') }),
    'federation',
    'fail',
    'no-answer',
    /No connection in time/,
  ],
  [
    'seen from inside',
    answering({ 'chat.praxis.example:443/_matrix/key/v2/server': problem('5.9.1.1 is an internal address') }),
    'federation',
    'warn',
    'internal',
    /from inside/,
  ],
  [
    'a wrong certificate',
    answering({ 'chat.praxis.example:443/_matrix/key/v2/server': problem("Hostname/IP does not match certificate's altnames") }),
    'federation',
    'fail',
    'certificate',
    /not accepted/,
  ],
  [
    'another server',
    answering({
      'chat.praxis.example:443/_matrix/key/v2/server': json({ server_name: 'praxis.example', verify_keys: { 'ed25519:z': {} } }),
    }),
    'federation',
    'fail',
    'other-key',
    /Another server/,
  ],
  [
    'a router that answers',
    answering({ 'https://chat.praxis.example/_matrix/client/versions': json('login', {}, 404) }),
    'client',
    'fail',
    'something-else',
    /404/,
  ],
  [
    'a proxy without CORS',
    answering({ 'https://chat.praxis.example/_matrix/client/versions': json({ versions: [] }, {}) }),
    'client',
    'fail',
    'no-cors',
    /Access-Control-Allow-Origin/,
  ],
  [
    '.well-known without CORS',
    answering({
      'https://praxis.example/.well-known/matrix/client': json(
        { 'm.homeserver': { base_url: 'https://chat.praxis.example/' } },
        {},
      ),
    }),
    'well-known-client',
    'fail',
    'no-cors',
    /Access-Control-Allow-Origin/,
  ],
  [
    '.well-known of another',
    answering({
      'https://praxis.example/.well-known/matrix/client': json({ 'm.homeserver': { base_url: 'https://old.example' } }),
    }),
    'well-known-client',
    'fail',
    'other-server',
    /old\.example/,
  ],
  [
    'a page for .well-known',
    answering({
      'https://praxis.example/.well-known/matrix/client': { status: 200, headers: cors, body: Buffer.from('<html>') },
    }),
    'well-known-client',
    'fail',
    'something-else',
    /Something else/,
  ],
  [
    'a certificate that ends',
    { certificate: { names: ['praxis.example', '*.praxis.example'], days: 5 } },
    'certificate',
    'warn',
    'soon',
    /5 days/,
  ],
  [
    'a certificate that ended',
    { certificate: { names: ['praxis.example', '*.praxis.example'], days: -1 } },
    'certificate',
    'fail',
    'run-out',
    /run out/,
  ],
  [
    'a certificate for other names',
    { certificate: { names: ['praxis.example'], days: 60 } },
    'certificate',
    'warn',
    'other-name',
    /chat\.praxis\.example/,
  ],
  [
    'a certificate of its own',
    { certificate: { names: ['praxis.example'], days: 60, selfSigned: true } },
    'certificate',
    'fail',
    'self-signed',
    /nobody trusts/,
  ],
  [
    'silent push gateways',
    answering({ 'push.example:443/_matrix/push/v1/notify': problem('No connection in time') }),
    'push-gateways',
    'fail',
    'silent',
    /push\.example/,
  ],
]

test.each(cases)('%s', async (_, change, id, state, reason, words) => {
  const found = (await selfTest(depsOf({ ...well, ...change }))).find((result) => result.id === id)
  expect(found).toMatchObject({ id, state, facts: { reason } })
  if (found) expect(explainCheck(found)).toMatch(words)
})

test.each([
  ['.well-known with a port', {}, {}, 'chat.praxis.example:443'],
  [
    'a record',
    { 'https://praxis.example/.well-known/matrix/server': json({}, cors, 404) },
    { '_matrix-fed._tcp.praxis.example': [{ host: 'box.example.', port: 4443, priority: 0, weight: 0 }] },
    'box.example:4443',
  ],
  [
    'neither',
    { 'https://praxis.example/.well-known/matrix/server': problem('No answer came in time') },
    {},
    'praxis.example:8448',
  ],
])('other servers find it by %s', async (_, answers, services, place) => {
  const results = await selfTest(depsOf({ ...well, answers: { ...well.answers, ...answers }, services }))
  expect(results.find(({ id }) => id === 'federation')?.facts.place).toBe(place)
})

test('a silent name server is told from a name that is not there', () => {
  const [dns] = checkNames(new Map([['praxis.example', 'ETIMEOUT']]), [])
  expect(dns).toMatchObject({ state: 'fail', facts: { reason: 'no-answer', name: 'praxis.example', code: 'ETIMEOUT' } })
})

test('what does not apply is not looked at', async () => {
  const deps = { ...depsOf({ ...well, certificate: undefined }), outside: undefined, publicUrl: undefined }
  const ids = (await selfTest(deps)).map(({ id }) => id)
  expect(ids).toEqual(['dns', 'ipv6', 'address-translation', 'clock', 'disk', 'backup'])
})
