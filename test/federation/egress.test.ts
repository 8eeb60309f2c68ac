import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, BlockList, createServer as createTcpServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createEgress } from '../../src/federation/egress.ts'
import { createNetwork, type Limits, type Outgoing } from '../../src/federation/network.ts'
import { systemClock, systemTimers } from '../../src/platform/clock.ts'
import { createAuthority, type TestAuthority } from '../support/certificates.ts'

const limits: Limits = { connect: 2000, headers: 4000, total: 6000, bytes: 1000 }
type Serve = (request: IncomingMessage, response: ServerResponse) => void

const loopback = new BlockList()
loopback.addAddress('127.0.0.1')
loopback.addAddress('::1', 'ipv6')

/** The way out, in a world with these names; `allowed`: which internal addresses may be reached. */
function wayOut(authority: TestAuthority | undefined, names: Record<string, readonly string[]> = {}, allowed = loopback) {
  const resolver = { addresses: async (host: string) => names[host] ?? [], services: async () => [] }
  const network = createNetwork({ resolver, timers: systemTimers, allowed, extraCa: authority?.ca })
  onTestFinished(() => network.close())
  return createEgress({ network, clock: systemClock })
}

/** A server on loopback with a certificate for these names. */
async function serve(authority: TestAuthority, names: string, handle: Serve) {
  const server = createServer(authority.issue(names), handle)
  return { port: await portOf(server), server }
}

async function portOf(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(async () => {
    if ('closeAllConnections' in server) server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  return (server.address() as AddressInfo).port
}

const to = (port: number, more: Partial<Outgoing> = {}): Outgoing => ({
  method: 'GET',
  host: 'a.test',
  port,
  tlsName: 'a.test',
  target: '/x?y=1',
  headers: { host: 'named.test' },
  limits,
  ...more,
})
const names = { 'a.test': ['127.0.0.1'], 'b.test': ['127.0.0.1'] }
const problem = (text: RegExp, sent: boolean) => ({ problem: expect.stringMatching(text), sent })

describe('a request', () => {
  test('arrives as it is, and its answer comes back', async () => {
    const authority = createAuthority()
    const { port } = await serve(authority, 'DNS:a.test', (request, response) => {
      const { method, url, headers } = request
      let body = ''
      request.setEncoding('utf8').on('data', (text) => (body += text))
      request.on('end', () =>
        response.writeHead(418, { 'x-one': 'yes' }).end(JSON.stringify({ method, url, host: headers.host, body })),
      )
    })
    const answer = await wayOut(authority, names).exchange(to(port, { method: 'PUT', body: '{"ä":1}' }))
    if ('problem' in answer) throw new Error(answer.problem)
    expect([answer.status, answer.headers['x-one']]).toEqual([418, 'yes'])
    expect(JSON.parse(answer.body.toString())).toEqual({ method: 'PUT', url: '/x?y=1', host: 'named.test', body: '{"ä":1}' })
  })

  test('uses the connection of the one before, and a new one where that has just been closed', async () => {
    const authority = createAuthority()
    const { port, server } = await serve(authority, 'DNS:a.test', (_, response) => response.end('ok'))
    let connections = 0
    server.on('secureConnection', () => (connections += 1))
    const { exchange } = wayOut(authority, names)
    expect(await exchange(to(port))).toMatchObject({ status: 200 })
    expect(await exchange(to(port))).toMatchObject({ status: 200 })
    expect(connections).toBe(1)
    server.prependOnceListener('request', (request: IncomingMessage) => request.socket.destroy())
    expect(await exchange(to(port))).toMatchObject({ status: 200 })
    expect(connections).toBe(2)
  })

  test('is given up after its time: to connect, until the answer begins, until it ends', async () => {
    const authority = createAuthority()
    const silent = await portOf(createTcpServer((socket) => socket.resume()))
    const { port } = await serve(authority, 'DNS:a.test', ({ url }, response) => {
      if (url === '/slow') response.writeHead(200).write('{')
    })
    const { exchange } = wayOut(authority, names)
    expect(await exchange(to(silent, { limits: { ...limits, connect: 50 } }))).toEqual(problem(/No connection in time/, false))
    expect(await exchange(to(port, { limits: { ...limits, headers: 200 } }))).toEqual(problem(/No answer came in time/, true))
    const slow = to(port, { target: '/slow', limits: { ...limits, total: 200 } })
    expect(await exchange(slow)).toEqual(problem(/took too long/, true))
  })

  test('ends when the answer is larger than it may be, announced or not', async () => {
    const authority = createAuthority()
    let closed = 0
    const { port } = await serve(authority, 'DNS:a.test', ({ url }, response) => {
      response.on('close', () => (closed += 1))
      if (url === '/just') return response.end('x'.repeat(1000))
      const more = () => {
        while (response.write('x'.repeat(16_384)));
      }
      response.on('drain', more)
      more()
    })
    const { exchange } = wayOut(authority, names)
    expect(await exchange(to(port, { target: '/just' }))).toMatchObject({ status: 200 })
    expect(await exchange(to(port, { target: '/endless' }))).toEqual(problem(/more than 1000 bytes/, true))
    await expect.poll(() => closed).toBe(2)
  })

  test('fails when the answer breaks off', async () => {
    const authority = createAuthority()
    const { port } = await serve(authority, 'DNS:a.test', (request, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('x', () => request.socket.destroy())
    })
    expect(await wayOut(authority, names).exchange(to(port))).toMatchObject({ sent: true, problem: expect.any(String) })
  })
})

describe('a certificate', () => {
  test('must be of a known authority, and for the name that is asked for', async () => {
    const [authority, stranger] = [createAuthority(), createAuthority()]
    const { port } = await serve(authority, 'DNS:a.test', (_, response) => response.end('ok'))
    expect(await wayOut(authority, names).exchange(to(port))).toMatchObject({ status: 200 })
    const unknown = /unable to (get local issuer|verify the first) certificate/
    expect(await wayOut(stranger, names).exchange(to(port))).toEqual(problem(unknown, false))
    expect(await wayOut(undefined, names).exchange(to(port))).toEqual(problem(unknown, false))
    const other = to(port, { tlsName: 'b.test' })
    expect(await wayOut(authority, names).exchange(other)).toEqual(problem(/does not match certificate's altnames/, false))
  })

  test('must be for the address where an address is asked for', async () => {
    const authority = createAuthority()
    const right = await serve(authority, 'IP:127.0.0.1', (_, response) => response.end('ok'))
    const wrong = await serve(authority, 'DNS:a.test', (_, response) => response.end('ok'))
    const address = { host: '127.0.0.1', tlsName: undefined }
    const { exchange } = wayOut(authority)
    expect(await exchange(to(right.port, address))).toMatchObject({ status: 200 })
    expect(await exchange(to(wrong.port, address))).toEqual(problem(/altnames|not in the cert's list/, false))
  })

  test('is for the name that was asked for, wherever a service is', async () => {
    const authority = createAuthority()
    const { port } = await serve(authority, 'DNS:a.test', (_, response) => response.end('ok'))
    const place = to(port, { host: 'machine.test' })
    expect(await wayOut(authority, { 'machine.test': ['127.0.0.1'] }).exchange(place)).toMatchObject({ status: 200 })
  })
})

describe('an internal address', () => {
  test.each([
    ['by itself', '127.0.0.1', {}],
    ['in brackets of its own kind', '::1', {}],
    ['behind a name', 'a.test', names],
    ['behind a name, in the clothes of the other family', 'c.test', { 'c.test': ['::ffff:127.0.0.1', '::1'] }],
  ])('is not connected to, %s', async (_, host, known) => {
    let connections = 0
    const port = await portOf(createTcpServer(() => (connections += 1)))
    const { exchange } = wayOut(undefined, known, new BlockList())
    const tlsName = host.includes('test') ? host : undefined
    expect(await exchange(to(port, { host, tlsName }))).toEqual(problem(/internal address/, false))
    expect(connections).toBe(0)
  })

  test('beside a public one does not spoil that, and is not used', async () => {
    const authority = createAuthority()
    const { port } = await serve(authority, 'DNS:a.test', (_, response) => response.end('ok'))
    // 127.0.0.1 is allowed here, and stands for the public one.
    expect(await wayOut(authority, { 'a.test': ['10.0.0.1', '127.0.0.1'] }).exchange(to(port))).toMatchObject({ status: 200 })
  })

  test('that does not exist is no secret', async () => {
    expect(await wayOut(undefined).exchange(to(443, { host: 'no.test' }))).toEqual(
      problem(/no.test: there is no such name/, false),
    )
  })
})

describe('a redirect', () => {
  async function redirecting(location: (port: number) => string) {
    const authority = createAuthority()
    let requests = 0
    const { port } = await serve(authority, 'DNS:a.test,DNS:b.test', ({ url, headers }, response) => {
      requests += 1
      if (url === '/end') response.end(headers.host)
      else response.writeHead(302, { location: location(port) }).end()
    })
    const { get } = wayOut(authority, { ...names, 'internal.test': ['10.0.0.1'] })
    const ask = (redirects: number) => get(`https://a.test:${port}/start`, redirects, limits)
    return { ask, port, requests: () => requests }
  }

  test('is followed where that was asked for, to another server too', async () => {
    const { ask, port } = await redirecting((own) => `https://b.test:${own}/end`)
    const answer = await ask(1)
    expect('body' in answer && answer.body.toString()).toBe(`b.test:${port}`)
    expect(await ask(0)).toEqual(problem(/More than 0 redirects/, false))
    expect('body' in (await (await redirecting(() => '/end')).ask(1))).toBe(true)
  })

  test('in a circle ends', async () => {
    const { ask, requests } = await redirecting(() => '/start')
    expect(await ask(5)).toEqual(problem(/More than 5 redirects/, false))
    expect(requests()).toBe(6)
  })

  test.each([
    ['to an internal address', 'https://10.0.0.1/', /internal address/],
    ['to an internal address in another spelling', 'https://0xa.1/', /internal address/],
    ['to an internal address of version 6', 'https://[::ffff:10.0.0.1]/', /internal address/],
    ['to a name of an internal address', 'https://internal.test/', /internal address/],
    ['to another protocol', 'http://a.test/', /http: is no way/],
    ['to a file', 'file:///etc/passwd', /file: is no way/],
    ['with a password', 'https://user:pass@a.test/', /user name/],
    ['to nowhere', 'https://', /nowhere/],
  ])('%s is refused', async (_, location, reason) => {
    const { ask } = await redirecting(() => location)
    expect(await ask(5)).toEqual(problem(reason, false))
  })
})
