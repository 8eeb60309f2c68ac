import fc from 'fast-check'
import { expect, test } from 'vitest'
import { endpoint } from '../../src/http/endpoint.ts'
import { mounted } from './kit.ts'

const server = mounted([
  endpoint({ method: 'GET', path: '/rooms/{roomId}/state/{type}/{key}', auth: 'none', handle: ({ path }) => ({ ...path }) }),
  endpoint({ method: 'GET', path: '/rooms/{roomId}/state/{type}/', auth: 'none', handle: ({ path }) => ({ ...path, key: '' }) }),
])

async function read(roomId: string, type: string, key: string) {
  return server.request('GET', `/rooms/${roomId}/state/${type}/${key}`)
}

test.each([
  ['plain', '!room:x', 'm.room.topic', 'a', { roomId: '!room:x', type: 'm.room.topic', key: 'a' }],
  ['a slash inside', '%21r:x', 'a%2Fb', '%2f', { roomId: '!r:x', type: 'a/b', key: '/' }],
  ['encoded twice stays encoded once', '%2521r', '%252F', '%25252F', { roomId: '%21r', type: '%2F', key: '%252F' }],
  ['an encoded percent sign', '100%25', '%2541', '%25zz', { roomId: '100%', type: '%41', key: '%zz' }],
  ['what a query and a fragment begin with', '%3Fa', '%23b', 'c%26d', { roomId: '?a', type: '#b', key: 'c&d' }],
  ['a plus is a plus', 'a+b', 'c', 'd%2Be', { roomId: 'a+b', type: 'c', key: 'd+e' }],
  ['beyond ASCII', 'Pr%C3%A4xis', '%F0%9F%98%80', '%00', { roomId: 'Präxis', type: '😀', key: '\0' }],
  ['an empty last segment has its own endpoint', 'r', 't', '', { roomId: 'r', type: 't', key: '' }],
])('%s', async (_name, roomId, type, key, expected) => {
  expect(await read(roomId, type, key)).toMatchObject({ status: 200, body: expected })
})

test.each(['%', '%zz', '%4', '%E0%A4', '%C3%28', '%ED%A0%80', '%FF'])('%s is no percent-encoding of UTF-8', async (bad) => {
  const answer = await read('r', bad, 'k')
  expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM', error: expect.stringContaining('type') } })
})

test('any text comes through as it was encoded', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1 }), async (text) => {
      fc.pre(text !== '.' && text !== '..')
      const answer = await read('r', 't', encodeURIComponent(text))
      expect(answer.body).toEqual({ roomId: 'r', type: 't', key: text })
    }),
    { numRuns: 200 },
  )
})
