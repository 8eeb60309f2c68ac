import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { endpoint } from '../../src/http/endpoint.ts'
import { type Limits, type Listener, listen } from '../../src/http/listener.ts'
import { anyObject } from '../../src/http/schemas.ts'
import { systemTimers } from '../../src/platform/clock.ts'
import { createWaiters } from '../../src/storage/waiters.ts'
import { mounted } from './kit.ts'

/** A real listener with a long poll, and what the poll was told. */
async function listening(limits: Partial<Limits> = {}) {
  const waiters = createWaiters(systemTimers)
  const ends: string[] = []
  let polling: () => void = () => undefined
  let ended: () => void = () => undefined
  const polled = new Promise<void>((resolve) => (polling = resolve))
  const pollEnded = new Promise<void>((resolve) => (ended = resolve))
  const server = mounted([
    endpoint({ method: 'GET', path: '/hello', auth: 'optional', handle: () => ({ hello: 'world' }) }),
    endpoint({ method: 'PUT', path: '/text/{name}', auth: 'none', handle: ({ path }) => ({ ...path }) }),
    endpoint({ method: 'POST', path: '/body', auth: 'none', maxBody: 1000, body: anyObject, handle: ({ body }) => body }),
    endpoint({
      method: 'GET',
      path: '/poll',
      auth: 'none',
      async handle({ signal }) {
        polling()
        ends.push(await waiters.wait(['room/1'], 60_000, signal))
        ended()
        return { end: ends.at(-1) }
      },
    }),
  ])
  const listener = await listen(server.app.fetch, { host: '127.0.0.1', port: 0 }, limits)
  onTestFinished(() => listener.close(0))
  return { ...server, listener, waiters, ends, polled, pollEnded, base: `http://127.0.0.1:${listener.address.port}` }
}

function raw(listener: Listener): Socket {
  const socket = connect(listener.address.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  return socket
}

/** Sends raw text and reads everything until the server closes. */
async function exchange(listener: Listener, sent: string): Promise<string> {
  const socket = raw(listener)
  socket.write(sent)
  return text(socket)
}

const readUntil = (socket: Socket, end: string) =>
  new Promise<string>((resolve, reject) => {
    let received = ''
    const onData = (chunk: Buffer) => {
      received += chunk.toString()
      if (!received.includes(end)) return
      socket.off('data', onData)
      resolve(received)
    }
    socket.on('data', onData)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`closed after ${received}`)))
  })

test('says the port that the system chose, and refuses one that is taken', async () => {
  const { listener, app, base } = await listening()
  expect(listener.address.port).toBeGreaterThan(0)
  expect(await (await fetch(`${base}/hello`)).json()).toEqual({ hello: 'world' })
  await expect(listen(app.fetch, listener.address)).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('keeps a connection for further requests', async () => {
  const { listener } = await listening()
  const socket = raw(listener)
  for (let count = 0; count < 3; count += 1) {
    socket.write('GET /hello HTTP/1.1\r\nhost: a\r\n\r\n')
    const answer = await readUntil(socket, '"world"}')
    expect(answer).toContain('200 OK')
    expect(answer.toLowerCase()).toContain('keep-alive: timeout=75')
  }
})

test('a keep-alive connection that stays idle is closed', async () => {
  const { listener } = await listening({ keepAlive: 20 })
  expect(await exchange(listener, 'GET /hello HTTP/1.1\r\nhost: a\r\n\r\n')).toContain('{"hello":"world"}')
})

test('headers and bodies that do not come in time end with 408', async () => {
  const { listener } = await listening({ headers: 50, request: 100, check: 10 })
  expect(await exchange(listener, 'GET /hello HTTP/1.1\r\nhost: a\r\nx-slow: ')).toContain('408 Request Timeout')
  expect(await exchange(listener, 'POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{')).toContain(
    '408 Request Timeout',
  )
})

test('a connection on which nothing moves is cut', async () => {
  const { listener, pollEnded, ends } = await listening({ silence: 50 })
  expect(await exchange(listener, 'GET /poll HTTP/1.1\r\nhost: a\r\n\r\n')).toBe('')
  await pollEnded
  expect(ends).toEqual(['aborted'])
})

test('more than 16 KiB of headers are refused', async () => {
  const { listener } = await listening()
  expect(await exchange(listener, `GET /hello HTTP/1.1\r\nhost: a\r\nx-long: ${'x'.repeat(17_000)}\r\n\r\n`)).toContain(' 431 ')
})

test('a body that is too large is answered, announced or not, and ends the connection if it goes on', async () => {
  const { listener } = await listening()
  const announced = await exchange(listener, 'POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n{')
  expect(announced).toContain(' 413 ')
  const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
  const chunked = await exchange(listener, `POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${chunk}${chunk}`)
  expect(chunked).toContain('M_TOO_LARGE')
})

test('a client that goes ends its long poll', async () => {
  const { listener, polled, pollEnded, ends, waiters } = await listening()
  const socket = raw(listener)
  socket.write('GET /poll HTTP/1.1\r\nhost: a\r\n\r\n')
  await polled
  socket.destroy()
  await pollEnded
  expect(ends).toEqual(['aborted'])
  expect(waiters.count).toBe(0)
})

test('closing answers long polls, closes their connections, and takes no new ones', async () => {
  const { listener, waiters, polled, base } = await listening()
  const idle = raw(listener)
  idle.write('GET /hello HTTP/1.1\r\nhost: a\r\n\r\n')
  await readUntil(idle, '"world"}')
  const poll = exchange(listener, 'GET /poll HTTP/1.1\r\nhost: a\r\n\r\n')
  await polled
  const closed = listener.close(60_000)
  waiters.close()
  expect(await poll).toContain('{"end":"time"}')
  await closed
  await expect(fetch(`${base}/hello`)).rejects.toThrow()
})

test('a request that comes in while closing is the last of its connection', async () => {
  const { listener, base } = await listening()
  const socket = raw(listener)
  socket.write('GET /hello HTTP/1.1\r\nhost: a\r\n')
  // Once this is answered, the half request above has arrived too.
  await (await fetch(`${base}/hello`)).text()
  const closed = listener.close(60_000)
  socket.write('\r\n')
  expect((await text(socket)).toLowerCase()).toContain('connection: close')
  await closed
})

test('what does not end by itself is cut after the grace', async () => {
  const { listener, polled, pollEnded, ends } = await listening()
  const poll = exchange(listener, 'GET /poll HTTP/1.1\r\nhost: a\r\n\r\n').catch(() => '')
  await polled
  await listener.close(20)
  expect(await poll).toBe('')
  await pollEnded
  expect(ends).toEqual(['aborted'])
})

test('paths arrive as they were sent', async () => {
  const { base } = await listening()
  const put = async (name: string) => (await fetch(`${base}/text/${name}`, { method: 'PUT' })).json()
  expect(await put('a%2Fb%252F%3F')).toEqual({ name: 'a/b%2F?' })
  expect(await put('%E2%82%AC')).toEqual({ name: '€' })
  expect(await put('%FF')).toMatchObject({ errcode: 'M_INVALID_PARAM' })
})

test.each(['TRACE', 'PATCH', 'MKCOL'])('%s is not possible', async (method) => {
  const { listener } = await listening()
  const answer = await exchange(listener, `${method} /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
  expect(answer).toContain(' 405 ')
  expect(answer).toContain('M_UNRECOGNIZED')
})

test.each([
  ['a method that does not exist', 'BREW /hello HTTP/1.1\r\nhost: a\r\n\r\n'],
  ['a host that is none', 'GET /hello?access_token=stolen HTTP/1.1\r\nhost: a b/c\r\nconnection: close\r\n\r\n'],
  ['a target that is no path', 'GET hello?access_token=stolen HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'],
  ['no host', 'GET /hello HTTP/1.1\r\nconnection: close\r\n\r\n'],
  ['two lengths', 'PUT /text/a HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
])('%s is refused, and repeated nowhere', async (_name, sent) => {
  const { listener, lines } = await listening()
  const answer = await exchange(listener, sent)
  expect(answer).toMatch(/^HTTP\/1.1 400 /)
  expect(answer).not.toContain('stolen')
  expect(JSON.stringify(lines)).not.toContain('stolen')
})

test('HTTP/1.0 without a host is served', async () => {
  const { listener } = await listening()
  expect(await exchange(listener, 'GET /hello HTTP/1.0\r\n\r\n')).toContain('{"hello":"world"}')
})
