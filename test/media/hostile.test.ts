import { BlockList } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createNetwork, type Network } from '../../src/federation/network.ts'
import { systemTimers } from '../../src/platform/clock.ts'
import { createWorld, federating, type TestUser } from '../support/world.ts'
import { download, filesIn, remoteFilesIn } from './kit.ts'
import { endless, error, facing, multipart } from './remote-kit.ts'

const peer = download('peer.test/abc')
const small = { HAUSBOTE_MAX_UPLOAD_BYTES: '100000' }
const errorOf = async (user: TestUser, path: string) => {
  const { status, body } = await user.request('GET', path)
  return [status, body.errcode]
}
const mixed = (body: string, type = 'multipart/mixed; boundary=xyz') => new Response(body, { headers: { 'content-type': type } })
const good = '--xyz\r\nContent-Type: application/json\r\n\r\n{}\r\n--xyz\r\nContent-Type: text/plain\r\n\r\nhello\r\n--xyz--\r\n'

describe('an answer', () => {
  test('as the others are made from is read', async () => {
    const { alice } = await facing(() => mixed(good))
    expect((await alice.request('GET', peer)).status).toBe(200)
  })

  test.each([
    ['without parts', mixed('hello')],
    ['without a boundary', mixed(good, 'multipart/mixed')],
    ['that is the media itself', new Response('hello', { headers: { 'content-type': 'image/png' } })],
    ['with another boundary', mixed(good, 'multipart/mixed; boundary=abc')],
    ['with one part', mixed('--xyz\r\nContent-Type: application/json\r\n\r\n{}\r\n--xyz--')],
    ['with three parts', mixed(good.replace('--xyz--', '--xyz\r\n\r\nmore\r\n--xyz--'))],
    ['that breaks off in the media', mixed(good.slice(0, -13))],
    ['that breaks off before its last boundary', mixed(good.slice(0, -4))],
    ['whose first part is the media', mixed(good.replace('application/json', 'text/plain'))],
    ['whose first part is no JSON', mixed(good.replace('{}', '{'))],
    ['whose first part is no object', mixed(good.replace('{}', '[]'))],
    ['whose first part is giant', mixed(good.replace('{}', `{"a":"${'x'.repeat(80_000)}"}`))],
    ['whose first part is deep', mixed(good.replace('{}', `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`))],
    ['with giant headers', mixed(good.replace('text/plain', 'x'.repeat(50_000)))],
    ['with an encoding', mixed(good.replace('Content-Type: text', 'Content-Transfer-Encoding: base64\r\nContent-Type: text'))],
    ['with two locations', mixed(good.replace('Content-Type: text', 'Location: https://x/\r\nLocation: https://y/\r\nX: '))],
    [
      'that is compressed',
      new Response(good, { headers: { 'content-type': 'multipart/mixed; boundary=xyz', 'content-encoding': 'gzip' } }),
    ],
    ['that is a giant error', error(500, 'M_UNKNOWN', { more: 'x'.repeat(1_000_000) })],
    ['that is an array', Response.json([], { status: 400 })],
    ['that is a redirect', new Response(null, { status: 302, headers: { location: 'https://peer.test:8448/x' } })],
  ])('%s is refused, and leaves nothing behind', async (_, answer) => {
    const { a, alice } = await facing(() => answer.clone())
    expect(await errorOf(alice, peer)).toEqual([502, 'M_UNKNOWN'])
    for (const part of ['contents', 'temporary', 'placing'] as const) expect(remoteFilesIn(a, part)).toEqual([])
    expect(filesIn(a, 'contents')).toEqual([])
  })

  test.each([
    ['in one piece', () => multipart('x'.repeat(100_001))],
    ['announced', () => new Response('--xyz', { headers: { ...type, 'content-length': '999999999' } })],
  ])('that is too large, %s, is refused', async (_, answer) => {
    const { a, alice } = await facing(answer, small)
    expect(await errorOf(alice, peer)).toEqual([502, 'M_TOO_LARGE'])
    expect(remoteFilesIn(a, 'temporary')).toEqual([])
    // The server is not left alone for it.
    expect(await errorOf(alice, download('peer.test/other'))).toEqual([502, 'M_TOO_LARGE'])
  })

  const type = { 'content-type': 'multipart/mixed; boundary=xyz' }
  test.each([
    ['in the media', good.slice(0, good.indexOf('hello')), [502, 'M_TOO_LARGE']],
    ['in the headers', '--xyz\r\nContent-Type: application/json; a=', [502, 'M_UNKNOWN']],
    ['before the first part', 'x', [502, 'M_UNKNOWN']],
    ['after the last part', good, [502, 'M_UNKNOWN']],
  ])('without end %s is stopped', async (_, first, expected) => {
    const { body, count } = endless(first)
    const { a, alice } = await facing(() => new Response(body, { headers: type }), small)
    expect(await errorOf(alice, peer)).toEqual(expected)
    expect(count.cancelled).toBe(true)
    expect(count.sent).toBeLessThan(600_000)
    expect(remoteFilesIn(a, 'temporary')).toEqual([])
  })

  test('of exactly the largest size is taken', async () => {
    const { alice } = await facing(() => multipart('x'.repeat(100_000)), small)
    expect((await alice.request('GET', peer)).status).toBe(200)
  })

  test.each([
    ['text/html', 'text/html', 'attachment'],
    ['image/svg+xml', 'image/svg+xml', 'attachment'],
    ['image/png', 'image/png', 'inline'],
    ['image/png\u0000', undefined, undefined],
    ['no type', 'application/octet-stream', 'attachment'],
    [`image/${'x'.repeat(400)}`, 'application/octet-stream', 'attachment'],
  ])('that calls a page %j is served as harmlessly as any', async (claimed, type, disposition) => {
    const { alice } = await facing(() =>
      multipart('<script>', { 'Content-Type': claimed, 'Content-Disposition': 'inline; filename="../../x.html"' }),
    )
    const { status, headers } = await alice.request('GET', peer)
    if (type === undefined) return expect(status).toBe(502)
    expect(headers.get('content-type')).toBe(type)
    expect(headers.get('content-disposition')).toBe(`${disposition}; filename="../../x.html"`)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    const thumbnail = '/_matrix/client/v1/media/thumbnail/peer.test/abc?width=32&height=32'
    expect(await errorOf(alice, thumbnail)).toEqual([400, 'M_UNKNOWN'])
  })
})

describe('a server that says nothing', () => {
  test('holds a client no longer than it would wait, and others not at all', async () => {
    const { world, a, alice } = await facing(() => new Promise<Response>(() => undefined))
    const late = alice.request('GET', `${peer}?timeout_ms=1000`)
    await expect.poll(() => world.network.underWay).toBe(1)
    await world.clock.advance(16_000)
    expect(await late).toMatchObject({ status: 504, body: { errcode: 'M_NOT_YET_UPLOADED' } })
    const other = await world.server('b.test', federating)
    const bob = await other.register('bob')
    const { body } = await bob.request('POST', '/_matrix/media/v3/upload', Buffer.from('x'))
    expect((await alice.request('GET', download(body.content_uri.slice(6)))).status).toBe(200)
    expect(a.app.federation).toBeDefined()
  })

  test('is asked only so many things at once, and not everybody may wait', async () => {
    const { world, alice, asked } = await facing(() => new Promise<Response>(() => undefined))
    const all = Array.from({ length: 400 }, (_, index) => alice.request('GET', `${download(`peer.test/m${index}`)}?timeout_ms=0`))
    await expect.poll(() => world.network.underWay).toBe(4)
    expect(asked()).toHaveLength(4)
    await world.clock.advance(16_000)
    const statuses = (await Promise.all(all)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 504)).toHaveLength(260)
    expect(statuses.filter((status) => status === 429)).toHaveLength(140)
  })
})

test('a location inside of the own network is not followed, and neither is a redirect to one', async () => {
  const world = await createWorld()
  const real = createNetwork({
    resolver: { addresses: async () => ['10.0.0.1'], services: async () => [] },
    timers: systemTimers,
    allowed: new BlockList(),
    extraCa: undefined,
  })
  onTestFinished(() => real.close())
  // What has a name in the world is in the world; anything else is asked for in earnest.
  const network: Network = {
    ...world.network,
    exchange: (request) => (request.host.endsWith('.test') ? world.network : real).exchange(request),
  }
  let location = ''
  world.network.host('peer.test', () => multipart('', { location }))
  world.network.host('cdn.test:8448', (request) => {
    const to = new URL(request.url).searchParams.get('to') ?? ''
    return new Response(null, { status: 307, headers: { location: to } })
  })
  const a = await world.server('a.test', federating, { network })
  const alice = await a.register('alice')
  const internal = ['https://127.0.0.1/', 'https://[::1]:8008/', 'https://169.254.169.254/latest', 'https://box.internal/']
  for (const [index, address] of internal.entries()) {
    location = address
    expect(await errorOf(alice, download(`peer.test/direct${index}`))).toEqual([502, 'M_UNKNOWN'])
    location = `https://cdn.test:8448/?to=${encodeURIComponent(address)}`
    expect(await errorOf(alice, download(`peer.test/redirected${index}`))).toEqual([502, 'M_UNKNOWN'])
  }
})
