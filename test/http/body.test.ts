import Type from 'typebox'
import { expect, test } from 'vitest'
import { endpoint } from '../../src/http/endpoint.ts'
import { anyObject, mapOf } from '../../src/http/schemas.ts'
import { mounted } from './kit.ts'

const server = mounted([
  endpoint({
    method: 'POST',
    path: '/device',
    auth: 'none',
    maxBody: 100,
    body: Type.Object({ name: Type.String({ maxLength: 20 }), inner: Type.Optional(Type.Object({ count: Type.Integer() })) }),
    handle: ({ body }) => ({ received: body }),
  }),
  endpoint({ method: 'POST', path: '/any', auth: 'none', body: anyObject, handle: ({ body }) => body }),
  endpoint({ method: 'POST', path: '/numbers', auth: 'none', body: mapOf(mapOf(Type.Integer())), handle: ({ body }) => body }),
])
const post = (path: string, body: NonNullable<RequestInit['body']>, headers = {}) =>
  server.request('POST', path, { body, headers, duplex: 'half' } as RequestInit)

/** A body of unknown length. */
const stream = (...chunks: string[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
      controller.close()
    },
  })

test('a body as the schema says reaches the handler', async () => {
  expect((await post('/device', '{"name":"phone","more":1}')).body).toEqual({ received: { name: 'phone', more: 1 } })
  expect((await post('/device', stream('{"na', 'me":"ph', 'one"}'))).body).toEqual({ received: { name: 'phone' } })
})

test.each([' ', '{', '{"name":}', 'name=phone', "{'name':'phone'}", '{"name":"phone"} {}'])('%j is M_NOT_JSON', async (text) => {
  expect(await post('/device', text)).toMatchObject({ status: 400, body: { errcode: 'M_NOT_JSON' } })
})

test('no body at all is an empty object', async () => {
  expect((await server.request('POST', '/any')).body).toEqual({})
  expect((await post('/any', '')).body).toEqual({})
  expect(await server.request('POST', '/device')).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
})

test('bytes that are not UTF-8 are M_NOT_JSON', async () => {
  const bytes = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff, 0xc0]), Buffer.from('"}')])
  expect(await post('/device', bytes)).toMatchObject({ status: 400, body: { errcode: 'M_NOT_JSON' } })
})

test.each([
  ['[]', 'body'],
  ['"x"', 'body'],
  ['{}', 'name'],
  ['{"name":7}', 'name'],
  ['{"name":"a name that is far too long"}', 'name'],
  ['{"name":"a","inner":{}}', 'inner.count'],
  ['{"name":"a","inner":{"count":1.5}}', 'inner.count'],
])('%s is M_BAD_JSON and names %s', async (text, field) => {
  const answer = await post('/device', text)
  expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
  expect(answer.body.error.split(':')[0]).toBe(field)
})

test('names with line breaks are checked like all others, and a long name is not repeated whole', async () => {
  for (const name of ['plain', 'with\nbreak', '\r', '\u2028']) {
    expect((await post('/numbers', JSON.stringify({ [name]: { [name]: 1 } }))).status).toBe(200)
    expect(await post('/numbers', JSON.stringify({ [name]: { [name]: 'x' } }))).toMatchObject({ body: { errcode: 'M_BAD_JSON' } })
  }
  const answer = await post('/numbers', JSON.stringify({ ['n'.repeat(10_000)]: 7 }))
  expect(answer.status).toBe(400)
  expect(answer.text.length).toBeLessThan(500)
})

test('nesting deeper than 100 levels is M_BAD_JSON, brackets inside of texts do not count', async () => {
  const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
  expect((await post('/any', nested(100))).status).toBe(200)
  expect(await post('/any', nested(101))).toMatchObject({
    status: 400,
    body: { errcode: 'M_BAD_JSON', error: expect.stringContaining('100') },
  })
  expect(await post('/any', nested(100_000))).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
  expect((await post('/any', JSON.stringify({ a: `"\\${'['.repeat(1000)}`, b: ['\\'] }))).status).toBe(200)
})

test('a body beyond the limit is M_TOO_LARGE, whether or not its length was announced', async () => {
  const exact = JSON.stringify({ name: 'x', pad: 'y'.repeat(100 - 21) })
  expect(Buffer.byteLength(exact)).toBe(100)
  for (const [body, headers] of [
    [exact, { 'content-length': '100' }],
    [stream(exact), {}],
  ] as const) {
    expect((await post('/device', body, headers)).status).toBe(200)
  }
  for (const [body, headers] of [
    [`${exact} `, { 'content-length': '101' }],
    [stream(exact, ' '), {}],
  ] as const) {
    expect(await post('/device', body, headers)).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
  }
})

test('an endless body is not read beyond the limit', async () => {
  let pulled = 0
  let cancelled = false
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1
      controller.enqueue(new Uint8Array(50))
    },
    cancel() {
      cancelled = true
    },
  })
  expect((await post('/device', endless)).status).toBe(413)
  expect(pulled).toBeLessThan(10)
  expect(cancelled).toBe(true)
})

test('a body that breaks off is no fault of the program', async () => {
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.error(new Error('connection reset'))
    },
  })
  expect((await post('/device', broken)).status).toBe(400)
  expect(server.lines.some(({ msg }) => msg === 'request failed')).toBe(false)
})
