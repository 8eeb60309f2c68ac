import Type from 'typebox'
import { expect, test } from 'vitest'
import { endpoint } from '../../src/http/endpoint.ts'
import { mounted, session } from './kit.ts'

const query = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  full: Type.Optional(Type.Boolean()),
  dir: Type.Union([Type.Literal('b'), Type.Literal('f')]),
  server: Type.Optional(Type.Array(Type.String(), { maxItems: 2 })),
  from: Type.Optional(Type.String()),
})
const server = mounted([
  endpoint({ method: 'GET', path: '/query', auth: 'none', query, handle: ({ query }) => ({ ...query }) }),
  endpoint({ method: 'GET', path: '/session', auth: 'session', handle: ({ auth }) => ({ ...auth }) }),
  endpoint({ method: 'GET', path: '/optional', auth: 'optional', handle: ({ auth }) => ({ user: auth?.userId ?? null }) }),
  endpoint({ method: 'GET', path: '/none', auth: 'none', handle: ({ auth }) => ({ auth: auth ?? null }) }),
])
const get = (path: string, authorization?: string) =>
  server.request('GET', path, authorization === undefined ? {} : { headers: { authorization } })

test.each([
  ['dir=b', { dir: 'b' }],
  ['dir=f&limit=100&full=true', { dir: 'f', limit: 100, full: true }],
  ['dir=f&full=false&limit=0', { dir: 'f', limit: 0, full: false }],
  ['dir=b&server=a.x&server=b.x', { dir: 'b', server: ['a.x', 'b.x'] }],
  ['dir=b&from=12', { dir: 'b', from: '12' }],
  ['dir=b&from=a%2Bb+c%26', { dir: 'b', from: 'a+b c&' }],
  ['dir=b&unknown=1&__proto__=2', { dir: 'b' }],
  ['dir=b&dir=f', { dir: 'b' }],
])('%s', async (text, expected) => {
  expect(await get(`/query?${text}`)).toMatchObject({ status: 200, body: expected })
})

test.each([
  ['', 'M_MISSING_PARAM', 'dir'],
  ['?limit=1', 'M_MISSING_PARAM', 'dir'],
  ['?dir=x', 'M_INVALID_PARAM', 'dir'],
  ['?dir=', 'M_INVALID_PARAM', 'dir'],
  ['?dir=b&limit=ten', 'M_INVALID_PARAM', 'limit'],
  ['?dir=b&limit=1.5', 'M_INVALID_PARAM', 'limit'],
  ['?dir=b&limit=1e1', 'M_INVALID_PARAM', 'limit'],
  ['?dir=b&limit=-1', 'M_INVALID_PARAM', 'limit'],
  ['?dir=b&limit=101', 'M_INVALID_PARAM', 'limit'],
  ['?dir=b&limit=99999999999999999999', 'M_INVALID_PARAM', 'limit'],
  ['?dir=b&full=1', 'M_INVALID_PARAM', 'full'],
  ['?dir=b&server=1&server=2&server=3', 'M_INVALID_PARAM', 'server'],
])('%s is %s and names %s', async (text, errcode, field) => {
  const answer = await get(`/query${text}`)
  expect(answer).toMatchObject({ status: 400, body: { errcode } })
  expect(answer.body.error.split(':')[0]).toBe(field)
})

test('a token comes in the header or in the query, the header wins', async () => {
  expect((await get('/session', 'Bearer good')).body).toEqual(session)
  expect((await get('/session', 'bearer  good')).body).toEqual(session)
  expect((await get('/session?access_token=good')).body).toEqual(session)
  expect(await get('/session?access_token=good', 'Bearer wrong')).toMatchObject({
    status: 401,
    body: { errcode: 'M_UNKNOWN_TOKEN' },
  })
})

test.each([undefined, '', 'Bearer', 'Bearer ', 'good', 'Basic good', 'Bearer good more'])('%j is no token', async (header) => {
  expect(await get('/session', header)).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
})

test('an unknown token and an expired one say whether to keep the keys', async () => {
  expect(await get('/session', 'Bearer stolen')).toMatchObject({
    status: 401,
    body: { errcode: 'M_UNKNOWN_TOKEN', soft_logout: false },
  })
  expect(await get('/session', 'Bearer expired')).toMatchObject({
    status: 401,
    body: { errcode: 'M_UNKNOWN_TOKEN', soft_logout: true },
  })
})

test('where a token is optional, none is fine and a wrong one is not', async () => {
  expect((await get('/optional')).body).toEqual({ user: null })
  expect((await get('/optional', 'Bearer good')).body).toEqual({ user: '@a:x' })
  expect(await get('/optional', 'Bearer stolen')).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } })
})

test('where none is asked for, none is looked at', async () => {
  expect((await get('/none', 'Bearer stolen')).body).toEqual({ auth: null })
})
