import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, BlockList } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createEgress } from '../../src/federation/egress.ts'
import { createNetwork, type Limits, type Outgoing } from '../../src/federation/network.ts'
import type { Sink } from '../../src/federation/sink.ts'
import { systemClock, systemTimers } from '../../src/platform/clock.ts'
import { createAuthority } from '../support/certificates.ts'

const limits: Limits = { connect: 2000, headers: 4000, total: 6000, bytes: 1_000_000 }

/** The real way out, to a real server on loopback. */
async function setUp(serve: (request: IncomingMessage, response: ServerResponse) => void) {
  const authority = createAuthority()
  const server = createServer(authority.issue('DNS:a.test'), serve)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const allowed = new BlockList()
  allowed.addAddress('127.0.0.1')
  const resolver = { addresses: async () => ['127.0.0.1'], services: async () => [] }
  const network = createNetwork({ resolver, timers: systemTimers, allowed, extraCa: authority.ca })
  onTestFinished(async () => {
    network.close()
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  const { port } = server.address() as AddressInfo
  const request: Outgoing = {
    method: 'GET',
    host: 'a.test',
    port,
    tlsName: 'a.test',
    target: '/',
    headers: { host: 'a.test' },
    limits,
  }
  return { network, egress: createEgress({ network, clock: systemClock }), port, request }
}

function collecting(
  atMost = Number.POSITIVE_INFINITY,
  pause = () => Promise.resolve(),
): Sink & { readonly chunks: Uint8Array[] } {
  const chunks: Uint8Array[] = []
  return {
    chunks,
    async write(chunk) {
      await pause()
      chunks.push(chunk)
      return Buffer.concat(chunks).length <= atMost
    },
  }
}

const slowly = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('a body that goes into a sink', () => {
  test.each(['keep-alive', 'close'])('arrives whole, however slow the sink is (%s)', async (connection) => {
    const content = Buffer.alloc(900_000, 'x')
    const { network, request } = await setUp((_, response) => response.writeHead(200, { connection, 'x-a': 'b' }).end(content))
    const sink = collecting(undefined, slowly)
    const answer = await network.exchange({ ...request, open: () => sink })
    expect(answer).toMatchObject({ status: 200, headers: { 'x-a': 'b' }, body: Buffer.alloc(0) })
    expect(Buffer.concat(sink.chunks).equals(content)).toBe(true)
  })

  test('stops at the limit, and when the sink has enough', async () => {
    let closed = 0
    const { network, request } = await setUp((_, response) => {
      response.on('close', () => (closed += 1))
      const more = () => void (response.destroyed || response.write(Buffer.alloc(65_536), more))
      more()
    })
    const tooMuch = await network.exchange({ ...request, open: () => collecting() })
    expect(tooMuch).toEqual({ problem: 'The answer has more than 1000000 bytes', sent: true, begun: true })
    expect(await network.exchange({ ...request, open: () => collecting(10) })).toMatchObject({ status: 200 })
    await expect.poll(() => closed).toBe(2)
  })

  test('that breaks off is no answer, and is not asked for again', async () => {
    let asked = 0
    const { network, request } = await setUp((_, response) => {
      asked += 1
      response.writeHead(200, { 'content-length': '1000' }).write('x', () => response.destroy())
    })
    const answer = await network.exchange({ ...request, open: () => collecting() })
    expect(answer).toMatchObject({ problem: expect.any(String), sent: true, begun: true })
    expect(asked).toBe(1)
  })

  test('that takes too long is given up', async () => {
    const { network, request } = await setUp((_, response) => void response.writeHead(200).write('x'))
    const answer = await network.exchange({ ...request, limits: { ...limits, total: 300 }, open: () => collecting() })
    expect(answer).toEqual({ problem: 'The answer took too long', sent: true, begun: true })
  })

  test('whose sink fails ends with its error', async () => {
    const { network, request } = await setUp((_, response) => void response.writeHead(200).write('x'))
    const sink = { write: () => Promise.reject(new Error('no space')) }
    await expect(network.exchange({ ...request, open: () => sink })).rejects.toThrow('no space')
  })

  test('that nobody wants goes into memory, up to what an error needs', async () => {
    const { network, request } = await setUp(({ url }, response) =>
      response.writeHead(404).end('x'.repeat(Number(url?.slice(1)))),
    )
    const ask = (target: string) => network.exchange({ ...request, target, open: () => undefined })
    expect(await ask('/60000')).toMatchObject({ status: 404, body: Buffer.alloc(60_000, 'x') })
    expect(await ask('/70000')).toMatchObject({ problem: 'The answer has more than 65536 bytes', begun: true })
  })
})

test('redirects do not reach the sink, only what they lead to', async () => {
  const { egress, port } = await setUp(({ url, headers }, response) => {
    if (url === '/') response.writeHead(302, { location: '/there' }).end('y'.repeat(1000))
    else response.end(headers.accept)
  })
  const sink = collecting()
  await egress.get(`https://a.test:${port}/`, 1, limits, { headers: { accept: '*/*' }, open: () => sink })
  expect(Buffer.concat(sink.chunks).toString()).toBe('*/*')
})
