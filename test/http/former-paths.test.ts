import { expect, test } from 'vitest'
import { endpoint } from '../../src/http/endpoint.ts'
import { mounted } from './kit.ts'

const served = (path: string) =>
  endpoint({ method: 'GET', path, auth: 'none', handle: ({ path: parameters }) => ({ parameters }) })

test('v3 of the client and media APIs is also reached as r0, its name of before', async () => {
  const server = mounted([
    served('/_matrix/client/v3/things/{id}'),
    served('/_matrix/media/v3/things/{id}'),
    served('/_matrix/client/v1/things/{id}'),
    served('/_matrix/v3/things/{id}'),
  ])
  for (const api of ['client', 'media']) {
    const answer = await server.request('GET', `/_matrix/${api}/r0/things/a%2Fb`)
    expect(answer).toMatchObject({ status: 200, body: { parameters: { id: 'a/b' } } })
  }
  expect(await server.request('POST', '/_matrix/client/r0/things/1')).toMatchObject({ status: 405 })
  expect(await server.request('GET', '/_matrix/client/r0/others/1')).toMatchObject({ status: 404 })
  expect(await server.request('GET', '/_matrix/r0/things/1')).toMatchObject({ status: 404 })
})
