import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { descriptionFolder, operationsOf, readDescription } from './api-description.ts'
import { judge, verdict } from './judge.ts'
import { nameOf, operations } from './operations.ts'

const folder = descriptionFolder()
const client = '/_matrix/client/v3'
const event = { type: 'm.room.message', sender: '@a:a.test', content: {}, event_id: '$event', origin_server_ts: 1 }
const notFound = { errcode: 'M_NOT_FOUND', error: 'no' }

const json = (status: number) => new Response(null, { status, headers: { 'content-type': 'application/json' } })
const problem = (method: string, path: string, status: number, body: unknown) => verdict(method, path, json(status), body).problem
const timeline = (change: object) => ({
  next_batch: '1',
  rooms: { join: { '!r:a.test': { timeline: { events: [{ ...event, ...change }] } } } },
})

describe.skipIf(!folder)('the judge, with the official API description', () => {
  it('accepts answers as described', () => {
    expect(problem('GET', `${client}/sync?since=0`, 200, timeline({}))).toBeUndefined()
    expect(problem('GET', '/_matrix/client/versions', 200, { versions: ['v1.1'] })).toBeUndefined()
    expect(problem('GET', `${client}/rooms/!r:a.test/event/$event`, 200, { ...event, room_id: '!r:a.test' })).toBeUndefined()
    expect(problem('GET', `${client}/rooms/!r:a.test/event/$event`, 404, notFound)).toBeUndefined()
  })

  it.each([
    ['a missing field', 'GET', `${client}/sync`, 200, {}, /next_batch/],
    ['a wrong type', 'GET', `${client}/sync`, 200, { next_batch: 1 }, /\/next_batch must be string/],
    [
      'a wrong type in a file that another refers to',
      'GET',
      `${client}/sync`,
      200,
      timeline({ origin_server_ts: 'x' }),
      /\/origin_server_ts must be integer/,
    ],
    ['a wrong format', 'GET', `${client}/account/whoami`, 200, { user_id: 'alice' }, /mx-user-id/],
    ['a status that is not listed', 'GET', `${client}/sync`, 201, { next_batch: '1' }, /describes no such status/],
    ['an error status that is not listed', 'GET', `${client}/sync`, 418, notFound, /describes no such status/],
    ['an error without a code', 'GET', `${client}/sync`, 404, { error: 'no' }, /errcode/],
    ['an error without a text', 'GET', `${client}/sync`, 404, { errcode: 'M_NOT_FOUND' }, /text error/],
    ['an error that is no JSON', 'GET', `${client}/sync`, 500, new Uint8Array(), /must be JSON/],
    ['an answer that is no JSON', 'GET', `${client}/sync`, 200, new Uint8Array(), /must be JSON/],
    ['success of what is not described', 'GET', `${client}/weather`, 200, {}, /no such operation/],
    ['interactive authentication without flows', 'POST', `${client}/register`, 401, { session: 'x' }, /errcode/],
    ['interactive authentication of another form', 'POST', `${client}/register`, 401, { flows: [{}] }, /stages/],
  ])('refuses %s', (_, method, path, status, body, reason) => {
    expect(problem(method, path, status, body)).toMatch(reason)
  })

  it('accepts errors that any operation may have, and both kinds of 401', () => {
    for (const status of [400, 401, 403, 404, 405, 413, 429, 500, 503])
      expect(problem('GET', `${client}/sync`, status, notFound)).toBeUndefined()
    expect(problem('POST', `${client}/register`, 401, { flows: [{ stages: ['m.login.dummy'] }], session: 'x' })).toBeUndefined()
    expect(problem('POST', `${client}/register`, 401, { errcode: 'M_UNKNOWN_TOKEN', error: 'no' })).toBeUndefined()
  })

  it('finds the operation of a path', () => {
    const found = (method: string, path: string) => verdict(method, path, json(404), notFound).operation?.id
    expect(found('GET', `${client}/rooms/!r:a.test/state/m.room.name`)).toBe('getRoomStateWithKey')
    expect(found('GET', `${client}/rooms/!r:a.test/state/m.room.name/`)).toBe('getRoomStateWithKey')
    expect(found('GET', `${client}/rooms/!r:a.test/state`)).toBe('getRoomState')
    expect(found('GET', `${client}/pushrules`)).toBe('getPushRules')
    expect(found('GET', '/_matrix/client/r0/sync')).toBe('sync')
    expect(found('POST', `${client}/pushrules/`)).toBeUndefined()
    expect(found('GET', `${client}/user/%40a%3Aa.test/account_data/a%2Fb?x=/y`)).toBe('getAccountData')
  })

  it('says which operation failed, with which status, and why', () => {
    expect(() => judge('GET', `${client}/sync`, json(200), {})).toThrow(
      /^sync \(GET \/_matrix\/client\/v3\/sync\) answered 200: .*next_batch/,
    )
  })

  it('can read the schema of every answer', () => {
    const documents = readDescription(folder ?? '')
    const all = ['client-server', 'server-server'].flatMap((api) => operationsOf(documents, api))
    expect(all.length).toBe(operations.filter(({ api }) => /^(client|server)-server$/.test(api)).length)
    for (const { method, path } of all) {
      for (const status of [200, 201, 302, 400, 401, 403, 404, 409, 413, 429, 502])
        verdict(method, path, json(status), { ...notFound })
    }
  })

  it('has the list of operations that the description has', () => {
    const official = JSON.parse(readFileSync(join(folder ?? '', 'operations.json'), 'utf8')) as {
      api: string
      m: string
      p: string
      id: string
    }[]
    expect(operations.map(({ api, id, ...rest }) => [api, id, nameOf(rest)])).toEqual(
      official.map(({ api, id, m, p }) => [api, id, `${m} ${p}`]),
    )
    const documents = readDescription(folder ?? '')
    const described = ['client-server', 'server-server', 'application-service', 'push-gateway'].flatMap((api) =>
      operationsOf(documents, api),
    )
    expect(operations.map(nameOf).sort()).toEqual(described.map(nameOf).sort())
  })
})

describe('the judge, with or without it', () => {
  it('checks the form of errors', () => {
    expect(problem('GET', `${client}/sync`, 404, {})).toMatch(/errcode/)
    expect(problem('GET', `${client}/weather`, 404, {})).toMatch(/errcode/)
    expect(problem('GET', `${client}/sync`, 404, notFound)).toBeUndefined()
  })

  it('knows which operations there are', () => {
    expect(problem('GET', `${client}/weather`, 200, {})).toMatch(/no such operation/)
    expect(problem('GET', '/_synapse/admin/v1/register', 200, {})).toBeUndefined()
  })

  it('knows what HTTP adds to downloads', () => {
    const download = '/_matrix/client/v1/media/download/a.test/x'
    for (const status of [206, 416]) expect(problem('GET', download, status, new Uint8Array())).toBeUndefined()
    expect(problem('GET', `${client}/sync`, 416, new Uint8Array())).toBeDefined()
  })
})
