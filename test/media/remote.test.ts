import { rmSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../support/random.ts'
import type { TestUser } from '../support/world.ts'
import { download, filesIn, remoteFilesIn, upload } from './kit.ts'
import { error, facing, multipart, twoServers } from './remote-kit.ts'

const peer = download('peer.test/abc')
const errorOf = async (user: TestUser, path: string) => {
  const { status, body } = await user.request('GET', path)
  return [status, body.errcode]
}

describe('media of another server', () => {
  test.each([0, 1, 65_535, 65_536, 1_000_003])('of %i bytes come as they were uploaded', async (size) => {
    const { alice, bob } = await twoServers()
    const content = seededRandom('content').bytes(size)
    const place = await upload(bob, content, { type: 'image/png', filename: 'a "b" ☕.png' })
    const { status, headers, body } = await alice.request('GET', download(place))
    expect(status).toBe(200)
    expect(Buffer.from(body).equals(content)).toBe(true)
    expect(headers.get('content-type')).toBe('image/png')
    expect(headers.get('content-length')).toBe(String(size))
    expect(headers.get('content-disposition')).toBe("inline; filename*=UTF-8''a%20%22b%22%20%E2%98%95.png")
    expect(headers.get('content-security-policy')).toContain('sandbox')
  })

  test('survive content that looks like the boundaries of the answer', async () => {
    const { alice, bob } = await twoServers()
    const content = Buffer.from('\r\n--\r\n--x--\r\n\r\nContent-Type: text/html\r\n\r\n--')
    const place = await upload(bob, content)
    expect(Buffer.from((await alice.request('GET', download(place))).body)).toEqual(content)
  })

  test('are fetched once, kept, and sent in parts', async () => {
    const { world, a, alice, bob } = await twoServers()
    const place = await upload(bob, Buffer.from('0123456789'), { type: 'text/plain' })
    const all = await Promise.all([alice, alice, alice, alice].map((user) => user.request('GET', download(place))))
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    const part = await alice.request('GET', download(place), undefined, { headers: { range: 'bytes=2-4' } })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 2-4/10'])
    expect(Buffer.from(part.body).toString()).toBe('234')
    const tag = part.headers.get('etag') ?? ''
    expect((await alice.request('GET', download(place), undefined, { headers: { 'if-none-match': tag } })).status).toBe(304)
    expect(world.network.asked.filter((what) => what.includes('/media/download/'))).toHaveLength(1)
    expect(filesIn(a, 'contents')).toEqual([])
    expect(remoteFilesIn(a, 'contents')).toHaveLength(1)
    expect([remoteFilesIn(a, 'temporary'), remoteFilesIn(a, 'placing')]).toEqual([[], []])
    world.network.cut('b.test')
    await a.restart()
    expect((await alice.request('GET', download(place))).status).toBe(200)
  })

  test('take another file name from the path', async () => {
    const { alice, bob } = await twoServers()
    const place = await upload(bob, Buffer.from('x'), { filename: 'one.bin' })
    const { headers } = await alice.request('GET', `${download(place)}/two.bin`)
    expect(headers.get('content-disposition')).toBe('attachment; filename="two.bin"')
  })

  test('are fetched again when a restore brought back the database alone', async () => {
    const { a, alice, bob } = await twoServers()
    const place = await upload(bob, Buffer.from('x'))
    expect((await alice.request('GET', download(place))).status).toBe(200)
    rmSync(join(a.directory, 'media', 'remote', 'contents'), { recursive: true })
    await a.restart()
    expect(Buffer.from((await alice.request('GET', download(place))).body).toString()).toBe('x')
    expect(remoteFilesIn(a, 'contents')).toHaveLength(1)
  })

  test('have thumbnails, which are made here', async () => {
    const { world, alice, bob } = await twoServers()
    const picture = sharp({ create: { width: 2000, height: 1000, channels: 3, background: 'red' } })
    const place = await upload(bob, await picture.jpeg().toBuffer(), { type: 'image/jpeg' })
    const path = `/_matrix/client/v1/media/thumbnail/${place}?width=320&height=240&method=scale`
    const { headers, body } = await alice.request('GET', path)
    expect(headers.get('content-type')).toBe('image/jpeg')
    expect(await sharp(body).metadata()).toMatchObject({ width: 320, height: 160 })
    expect(world.network.asked.filter((what) => what.includes('/thumbnail/'))).toEqual([])
  })

  test('that nobody has are not found, and ids that cannot be are asked of nobody', async () => {
    const { world, alice } = await twoServers()
    expect(await errorOf(alice, download('b.test/nothing'))).toEqual([404, 'M_NOT_FOUND'])
    const before = world.network.asked.length
    for (const place of ['b.test/a%2F..%2Fb', 'b_test/abc', `b.test/${'x'.repeat(300)}`, 'b.test/%00'])
      expect(await errorOf(alice, download(place))).toEqual([404, 'M_NOT_FOUND'])
    expect(world.network.asked).toHaveLength(before)
  })

  test('that are yet to be uploaded are waited for, as long as the client would', async () => {
    const { world, alice, bob } = await twoServers()
    const { body } = await bob.request('POST', '/_matrix/media/v1/create')
    const place = body.content_uri.slice('mxc://'.length)
    const early = alice.request('GET', `${download(place)}?timeout_ms=5000`)
    await expect.poll(() => world.network.underWay).toBe(1)
    await world.clock.advance(5000)
    expect(await early).toMatchObject({ status: 504, body: { errcode: 'M_NOT_YET_UPLOADED' } })
    const late = alice.request('GET', `${download(place)}?timeout_ms=5000`)
    await expect.poll(() => world.network.underWay).toBe(1)
    await world.clock.advance(2000)
    const headers = { 'content-type': 'text/plain' }
    expect((await bob.request('PUT', `/_matrix/media/v3/upload/${place}`, Buffer.from('x'), { headers })).status).toBe(200)
    expect((await late).status).toBe(200)
  })

  test('are never fetched for those who do not sign in', async () => {
    const { a, asked } = await facing(() => multipart('x'))
    for (const query of ['', '?allow_remote=true', '?allow_remote=false'])
      expect((await a.request('GET', `/_matrix/media/v3/download/peer.test/abc${query}`)).status).toBe(404)
    expect(asked()).toEqual([])
  })
})

describe('a server of old', () => {
  const asksOld = '/_matrix/media/v3/download/peer.test/abc?allow_remote=false&timeout_ms=20000'

  test('is asked without authentication after it did not recognise the question', async () => {
    const { alice, asked } = await facing((request) => {
      if (request.url.includes('/federation/')) return error(404, 'M_UNRECOGNIZED')
      const headers = { 'content-type': 'text/plain', 'content-disposition': 'inline; filename=old.txt' }
      return new Response(request.headers.has('authorization') ? 'signed' : 'hello', { headers })
    })
    const { status, headers, body } = await alice.request('GET', peer)
    expect([status, Buffer.from(body).toString()]).toEqual([200, 'hello'])
    expect(headers.get('content-disposition')).toBe('inline; filename="old.txt"')
    expect(asked()).toEqual(['/_matrix/federation/v1/media/download/abc?timeout_ms=20000', asksOld])
  })

  test.each([
    ['another error', () => error(404, 'M_NOT_FOUND'), [404, 'M_NOT_FOUND']],
    ['a refusal', () => error(403, 'M_FORBIDDEN'), [502, 'M_UNKNOWN']],
  ])('is not asked so after %s', async (_, answer, expected) => {
    const { alice, asked } = await facing(answer)
    expect(await errorOf(alice, peer)).toEqual(expected)
    expect(asked()).toHaveLength(1)
  })

  test('is asked so as well after what no Matrix server says', async () => {
    const { alice, asked } = await facing(() => new Response('no', { status: 404 }))
    expect(await errorOf(alice, peer)).toEqual([404, 'M_NOT_FOUND'])
    expect(asked()).toEqual(['/_matrix/federation/v1/media/download/abc?timeout_ms=20000', asksOld])
  })

  test('may not redirect', async () => {
    const { alice, asked } = await facing((request) =>
      request.url.includes('/federation/')
        ? error(404, 'M_UNRECOGNIZED')
        : new Response(null, { status: 307, headers: { location: 'https://peer.test:8448/x' } }),
    )
    expect(await errorOf(alice, peer)).toEqual([502, 'M_UNKNOWN'])
    expect(asked()).toHaveLength(2)
  })
})

describe('a location', () => {
  const elsewhere = () => multipart('', { location: 'https://cdn.test:8448/file?token=1' })

  test('is followed, without a signature', async () => {
    const { world, alice } = await facing(elsewhere)
    world.network.host('cdn.test:8448', (request) => {
      const headers = { 'content-type': 'text/plain', 'content-disposition': 'attachment; filename="far.txt"' }
      return new Response(request.headers.has('authorization') ? 'signed' : request.url, { headers })
    })
    const { status, headers, body } = await alice.request('GET', peer)
    expect([status, Buffer.from(body).toString()]).toEqual([200, 'https://cdn.test:8448/file?token=1'])
    expect(headers.get('content-disposition')).toBe('inline; filename="far.txt"')
  })

  test.each([
    ['no address', 'not an address'],
    ['plain HTTP', 'http://cdn.test:8448/file'],
    ['a file', 'file:///etc/passwd'],
    ['a password', 'https://user:secret@cdn.test:8448/file'],
    ['nobody', 'https://nobody.test:8448/file'],
  ])('that is %s is refused', async (_, location) => {
    const { world, alice } = await facing(() => multipart('', { location }))
    world.network.host('cdn.test:8448', () => new Response('x'))
    expect(await errorOf(alice, peer)).toEqual([502, 'M_UNKNOWN'])
    expect(world.network.asked.filter((what) => what.startsWith('cdn.test'))).toEqual([])
  })

  test('may redirect a few times, and not in a circle', async () => {
    const { world, alice } = await facing(elsewhere)
    const hops = new Map([
      ['/file', '/two'],
      ['/two', '/three'],
    ])
    world.network.host('cdn.test:8448', (request) => {
      const next = hops.get(new URL(request.url).pathname)
      return next ? new Response(null, { status: 302, headers: { location: next } }) : new Response('arrived')
    })
    expect(Buffer.from((await alice.request('GET', peer)).body).toString()).toBe('arrived')
    hops.set('/three', '/file')
    expect(await errorOf(alice, download('peer.test/other'))).toEqual([502, 'M_UNKNOWN'])
    expect(world.network.asked.filter((what) => what.startsWith('cdn.test')).length).toBeLessThan(10)
  })

  test.each([
    [404, [404, 'M_NOT_FOUND']],
    [500, [502, 'M_UNKNOWN']],
  ])('that answers %i', async (status, expected) => {
    const { world, alice } = await facing(elsewhere)
    world.network.host('cdn.test:8448', () => new Response('no', { status }))
    expect(await errorOf(alice, peer)).toEqual(expected)
  })
})

test.each([
  ['not yet', () => error(504, 'M_NOT_YET_UPLOADED'), [504, 'M_NOT_YET_UPLOADED']],
  ['too large', () => error(502, 'M_TOO_LARGE'), [502, 'M_TOO_LARGE']],
  ['too often', () => error(429, 'M_LIMIT_EXCEEDED', { retry_after_ms: 2000 }), [429, 'M_LIMIT_EXCEEDED']],
  ['a proxy', () => new Response('<html>', { status: 504 }), [502, 'M_UNKNOWN']],
])('the other server says: %s', async (_, answer, expected) => {
  const { alice } = await facing(answer)
  expect(await errorOf(alice, peer)).toEqual(expected)
})
