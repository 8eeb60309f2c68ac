import Type from 'typebox'
import { expect, test } from 'vitest'
import { type Endpoint, endpoint } from '../../src/http/endpoint.ts'
import { forbidden, limitExceeded } from '../../src/http/errors.ts'
import { reply } from '../../src/http/reply.ts'
import { mounted } from './kit.ts'

const hello = endpoint({ method: 'GET', path: '/hello', auth: 'none', handle: () => ({ hello: 'world' }) })
const failing = (error: unknown): Endpoint =>
  endpoint({
    method: 'GET',
    path: '/fail/{name}',
    auth: 'optional',
    handle() {
      throw error
    },
  })

test('an endpoint answers with JSON, CORS headers and a request id of its own', async () => {
  const server = mounted([hello])
  const first = await server.request('GET', '/hello')
  expect(first).toMatchObject({ status: 200, body: { hello: 'world' } })
  expect(first.headers.get('access-control-allow-origin')).toBe('*')
  const second = await server.request('GET', '/hello')
  expect(first.headers.get('x-request-id')).toMatch(/^\w+$/)
  expect(second.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'))
})

test('unknown paths and methods are M_UNRECOGNIZED, with 404 and 405', async () => {
  const server = mounted([hello, endpoint({ method: 'PUT', path: '/thing/{id}', auth: 'session', handle: () => ({}) })])
  expect(await server.request('GET', '/nowhere')).toMatchObject({ status: 404, body: { errcode: 'M_UNRECOGNIZED' } })
  expect(await server.request('GET', '/hello/')).toMatchObject({ status: 404, body: { errcode: 'M_UNRECOGNIZED' } })
  for (const method of ['POST', 'DELETE', 'PATCH', 'PROPFIND']) {
    const answer = await server.request(method, '/hello')
    expect(answer).toMatchObject({ status: 405, body: { errcode: 'M_UNRECOGNIZED' } })
    expect(answer.headers.get('allow')).toBe('GET, OPTIONS')
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  }
  expect(await server.request('HEAD', '/thing/1')).toMatchObject({ status: 405, text: '' })
})

test('OPTIONS is answered for every path, for browsers that ask before', async () => {
  const server = mounted([hello])
  for (const path of ['/hello', '/nowhere']) {
    const answer = await server.request('OPTIONS', path)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-methods')).toBe('GET, POST, PUT, DELETE, OPTIONS')
    expect(answer.headers.get('access-control-allow-headers')).toBe('X-Requested-With, Content-Type, Authorization')
  }
})

test('HEAD answers like GET without a body, and releases a body that streams', async () => {
  let released = false
  const streaming = endpoint({
    method: 'GET',
    path: '/stream',
    auth: 'none',
    handle() {
      const body = new ReadableStream<Uint8Array>({
        cancel() {
          released = true
        },
      })
      return reply(200, { 'content-type': 'image/png' }, body)
    },
  })
  const server = mounted([hello, streaming])
  expect(await server.request('HEAD', '/hello')).toMatchObject({ status: 200, text: '' })
  const answer = await server.request('HEAD', '/stream')
  expect(answer).toMatchObject({ status: 200, text: '' })
  expect(answer.headers.get('content-type')).toBe('image/png')
  expect(released).toBe(true)
})

test('errors that end a request keep their code, status and CORS headers', async () => {
  const server = mounted([failing(forbidden('You may not'))])
  const answer = await server.request('GET', '/fail/x')
  expect(answer).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN', error: 'You may not' } })
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  expect(server.lines.filter(({ level }) => level === 50)).toEqual([])
  expect(await mounted([failing(limitExceeded(1500.2))]).request('GET', '/fail/x')).toMatchObject({
    status: 429,
    body: { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 1501 },
  })
})

test('a fault of the program says nothing to the client and everything to the log, under one id', async () => {
  const server = mounted([failing(new Error('secret of the house'))])
  const answer = await server.request('GET', '/fail/patient-smith?access_token=good&q=fever')
  expect(answer).toMatchObject({ status: 500, body: { errcode: 'M_UNKNOWN', error: 'Internal server error' } })
  expect(answer.text).not.toContain('secret')
  const failed = server.lines.find(({ msg }) => msg === 'request failed')
  expect(failed).toMatchObject({ level: 50, path: '/fail/{name}', err: { message: 'secret of the house' } })
  expect(failed?.id).toBe(answer.headers.get('x-request-id'))
})

test('no line of the log has a token, a query or what stands in a path', async () => {
  const server = mounted([failing(new Error('x')), hello])
  for (const token of ['good', 'stolen', 'expired']) {
    await server.request('GET', `/fail/patient-smith?access_token=${token}&q=fever`)
    await server.request('GET', `/nowhere/patient-smith?access_token=${token}&q=fever`)
    await server.request('POST', `/hello?access_token=${token}&q=fever`)
  }
  await server.request('GET', '/fail/patient-smith', { headers: { authorization: 'Bearer stolen' } })
  expect(server.lines.length).toBeGreaterThanOrEqual(10)
  const all = JSON.stringify(server.lines)
  for (const word of ['patient-smith', 'fever', 'access_token', 'stolen', 'good', 'expired']) expect(all).not.toContain(word)
})

test('errors of other parts get the answer that the application gives them', async () => {
  const server = mounted([failing(new RangeError('disk'))])
  expect(await server.request('GET', '/fail/x')).toMatchObject({ status: 503, body: { errcode: 'M_UNKNOWN', error: 'full' } })
  expect(server.lines.some(({ msg }) => msg === 'request failed')).toBe(false)
})

test('content that looks like a reply is content', async () => {
  const forged = JSON.parse('{"kind":"reply","status":200,"headers":{"content-type":"text/html"},"body":"<script>"}')
  const server = mounted([endpoint({ method: 'GET', path: '/state', auth: 'none', handle: () => forged })])
  const answer = await server.request('GET', '/state')
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(answer.body).toEqual(forged)
})

test('a header that cannot be sent is a fault of the program, not a cut connection', async () => {
  const split = endpoint({
    method: 'GET',
    path: '/split',
    auth: 'none',
    handle: () => reply(200, { 'x-name': 'a\r\nset-cookie: b' }, ''),
  })
  const server = mounted([split])
  const answer = await server.request('GET', '/split')
  expect(answer).toMatchObject({ status: 500, body: { errcode: 'M_UNKNOWN' } })
  expect(answer.headers.get('set-cookie')).toBeNull()
})

test('each answer is observed once, with the template of its path and how long it took', async () => {
  const slow = endpoint({
    method: 'GET',
    path: '/slow/{id}',
    auth: 'none',
    async handle() {
      await server.clock.advance(250)
      return {}
    },
  })
  const server = mounted([slow])
  await server.request('GET', '/slow/7')
  await server.request('POST', '/slow/7')
  await server.request('GET', '/nowhere')
  expect(server.observed).toEqual([
    ['GET', '/slow/{id}', 200, 250],
    ['POST', '/slow/{id}', 405, 0],
    ['GET', '*', 404, 0],
  ])
})

test('two endpoints for one method and place are refused at the start, whatever their parameters are called', () => {
  const of = (path: string) => endpoint({ method: 'GET', path, auth: 'none', handle: () => ({}) })
  expect(() => mounted([of('/a/{x}/c'), of('/a/{y}/c')])).toThrow('/a/{y}/c')
})

test('a literal segment wins over a parameter, in whatever order they are declared', async () => {
  const of = (path: string) => endpoint({ method: 'GET', path, auth: 'none', query: Type.Object({}), handle: () => ({ path }) })
  for (const paths of [
    ['/p/{user}/{key}', '/p/{user}/name', '/p/me/{key}'],
    ['/p/me/{key}', '/p/{user}/name', '/p/{user}/{key}'],
  ]) {
    const server = mounted(paths.map(of))
    expect((await server.request('GET', '/p/you/name')).body).toEqual({ path: '/p/{user}/name' })
    expect((await server.request('GET', '/p/you/other')).body).toEqual({ path: '/p/{user}/{key}' })
    expect((await server.request('GET', '/p/me/other')).body).toEqual({ path: '/p/me/{key}' })
  }
})
