import { BlockList } from 'node:net'
import Type from 'typebox'
import { expect, test } from 'vitest'
import { authenticateServers } from '../../src/federation/authenticate.ts'
import { createFederationClient } from '../../src/federation/client.ts'
import { endpoint } from '../../src/http/endpoint.ts'
import { mount } from '../../src/http/mount.ts'
import { createRateLimits } from '../../src/http/rate-limits.ts'
import { anyObject } from '../../src/http/schemas.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import { importVerifyKey } from '../../src/matrix/signatures.ts'
import { silentLog } from '../../src/platform/log.ts'
import { handMovedClock } from '../support/clock.ts'
import { signerOf } from './kit.ts'

const own = 'b.test' as ServerName
const echo = endpoint({
  method: 'PUT',
  path: '/echo/{word}',
  auth: 'server',
  query: Type.Object({ more: Type.Optional(Type.String()) }),
  body: anyObject,
  rateLimit: { name: 'echo', by: 'server', burst: 2, perSecond: 1 },
  handle: ({ auth, path, query, body }) => ({ origin: auth.origin, word: path.word, more: query.more, body }),
})

/** The client of `a.test`, and a server that answers it with what it understood. */
function setUp(change = (request: Request) => request) {
  const clock = handMovedClock()
  const signer = signerOf('a.test')
  const app = mount([echo], {
    clock,
    log: silentLog,
    rateLimits: createRateLimits(clock),
    trustedProxies: new BlockList(),
    authenticateServer: authenticateServers(
      own,
      {
        requestKey: async (server) => importVerifyKey(signerOf(server).publicKey),
        eventKeys: async () => () => undefined,
      },
      () => undefined,
    ),
    explain: () => undefined,
    observe: () => undefined,
  })
  const client = createFederationClient({
    signer,
    transport: {
      async send(_, { method, target, headers, body }) {
        const request = new Request(`https://${own}${target}`, { method, headers, ...(body !== undefined && { body }) })
        const response = await app.fetch(change(request))
        return { status: response.status, headers: {}, body: Buffer.from(await response.arrayBuffer()) }
      },
    },
  })
  return { app, client, clock, signer }
}

const answered = Type.Object({ origin: Type.String(), word: Type.String(), body: anyObject })
const target = '/echo/a%2Fb%20c?more=%C3%A4%26'

test('what a client signs a server understands: method, path, query and body', async () => {
  const content = { text: 'ä\u{1f600}\u2028', list: [1, -0, { deep: null }], 'with "quotes"': true }
  const { client } = setUp()
  expect(await client.ask(own, { method: 'PUT', target, content }, answered)).toEqual({
    body: { origin: 'a.test', word: 'a/b c', more: 'ä&', body: { ...content, list: [1, 0, { deep: null }] } },
  })
})

test('a change on the way is noticed', async () => {
  const changed = (change: (request: Request) => Request) =>
    setUp(change).client.ask(own, { method: 'PUT', target, content: { a: 1 } }, answered)
  const refusal = { refusal: { status: 401, code: 'M_UNAUTHORIZED', message: expect.stringContaining('signature') } }
  const again = (request: Request, body: string, path = target) =>
    new Request(`https://${own}${path}`, { method: 'PUT', headers: request.headers, body })
  expect(await changed((request) => again(request, '{ "a": 1 }'))).toMatchObject({ body: { body: { a: 1 } } })
  expect(await changed((request) => again(request, '{"a":2}'))).toEqual(refusal)
  expect(await changed((request) => again(request, '{"a":1.0}'))).toEqual(refusal)
  expect(await changed((request) => again(request, '{"a":1}', '/echo/a%2fb%20c?more=%C3%A4%26'))).toEqual(refusal)
  expect(await changed((request) => again(request, '{"a":2,"a":1}'))).toMatchObject({ refusal: { code: 'M_NOT_JSON' } })
  expect(await changed((request) => again(request, ''))).toMatchObject({ refusal: { code: 'M_NOT_JSON' } })
})

test('an answer of another shape is not believed', async () => {
  const { client } = setUp()
  const other = Type.Object({ origin: Type.Integer() })
  expect(await client.ask(own, { method: 'PUT', target, content: {} }, other)).toEqual({
    problem: 'origin: must be integer',
    status: 200,
  })
})

test('a server that asks too often is told to wait', async () => {
  const { client, clock } = setUp()
  const ask = () => client.ask(own, { method: 'PUT', target, content: {} }, answered)
  for (let time = 0; time < 2; time += 1) expect(await ask()).toHaveProperty('body')
  expect(await ask()).toMatchObject({ refusal: { status: 429, code: 'M_LIMIT_EXCEEDED' } })
  await clock.advance(1000)
  expect(await ask()).toHaveProperty('body')
})

test('an endpoint that nobody guards is not served', () => {
  const { clock } = setUp()
  const unguarded = {
    clock,
    log: silentLog,
    rateLimits: createRateLimits(clock),
    trustedProxies: new BlockList(),
    explain: () => undefined,
    observe: () => undefined,
  }
  expect(() => mount([echo], unguarded)).toThrow('nobody can authenticate who calls PUT /echo/{word}')
})
