import { describe, expect, test } from 'vitest'
import { createWorld } from '../support/world.ts'
import { bytes, download, type UploadWish, upload } from './kit.ts'

async function aliceOf() {
  const world = await createWorld()
  const server = await world.server('a.test')
  return { server, alice: await server.register('alice') }
}

describe('GET /download', () => {
  test('sends foreign content with headers that keep it harmless', async () => {
    const { alice } = await aliceOf()
    const { headers } = await alice.request('GET', download(await upload(alice, bytes('<script>'), { type: 'text/html' })))
    expect(headers.get('content-type')).toBe('text/html')
    expect(headers.get('content-disposition')).toBe('attachment')
    expect(headers.get('content-security-policy')).toBe(
      "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';",
    )
    expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('content-length')).toBe('8')
    expect(headers.get('cache-control')).toContain('private')
  })

  test.each<[UploadWish, string, string]>([
    [{ type: 'image/png' }, 'image/png', 'inline'],
    [{ type: 'Text/Plain; charset=utf-8' }, 'Text/Plain; charset=utf-8', 'inline'],
    [{ type: 'image/svg+xml' }, 'image/svg+xml', 'attachment'],
    [{ type: 'application/pdf', filename: '' }, 'application/pdf', 'attachment'],
    [{ type: 'no type at all' }, 'application/octet-stream', 'attachment'],
    [{ type: `image/${'x'.repeat(300)}` }, 'application/octet-stream', 'attachment'],
    [{ type: 'image/png', filename: 'name;with;semicolons' }, 'image/png', 'inline; filename="name;with;semicolons"'],
    [{ type: 'image/png', filename: 'a "b" \\c' }, 'image/png', 'inline; filename="a \\"b\\" \\\\c"'],
    [{ type: 'image/png', filename: '🐔 (1).png' }, 'image/png', "inline; filename*=UTF-8''%F0%9F%90%94%20%281%29.png"],
    [{ type: 'image/png', filename: 'a\r\nset-cookie: b' }, 'image/png', "inline; filename*=UTF-8''a%0D%0Aset-cookie%3A%20b"],
  ])('%o is sent as %s, %s', async (wish, type, disposition) => {
    const { alice } = await aliceOf()
    const { status, headers } = await alice.request('GET', download(await upload(alice, bytes('x'), wish)))
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe(type)
    expect(headers.get('content-disposition')).toBe(disposition)
  })

  test('takes another file name from the path', async () => {
    const { alice } = await aliceOf()
    const place = await upload(alice, bytes('x'), { type: 'image/png', filename: 'one.png' })
    const { headers } = await alice.request('GET', `${download(place)}/${encodeURIComponent('☕/x')}`)
    expect(headers.get('content-disposition')).toBe("inline; filename*=UTF-8''%E2%98%95%2Fx")
  })

  test.each([
    ['bytes=0-3', 206, 'bytes 0-3/10', '0123'],
    ['bytes=7-', 206, 'bytes 7-9/10', '789'],
    ['bytes=-2', 206, 'bytes 8-9/10', '89'],
    ['bytes=-20', 206, 'bytes 0-9/10', '0123456789'],
    ['bytes=9-100', 206, 'bytes 9-9/10', '9'],
    ['bytes=0-1,4-5', 200, null, '0123456789'],
    ['bytes=5-2', 200, null, '0123456789'],
    ['lines=1-2', 200, null, '0123456789'],
    ['bytes=-', 200, null, '0123456789'],
    ['bytes=10-', 416, 'bytes */10', ''],
    ['bytes=-0', 416, 'bytes */10', ''],
  ])('range %s is answered with %i, %s', async (range, status, contentRange, text) => {
    const { alice } = await aliceOf()
    const answer = await alice.request('GET', download(await upload(alice, bytes('0123456789'))), undefined, {
      headers: { range },
    })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-range')).toBe(contentRange)
    expect(new TextDecoder().decode(answer.body)).toBe(text)
    if (status < 400) expect(answer.headers.get('content-length')).toBe(String(text.length))
  })

  test('a content longer than a chunk comes whole, and in parts', async () => {
    const { alice } = await aliceOf()
    const content = new Uint8Array(300_000).map((_, index) => index % 251)
    const place = await upload(alice, content)
    expect((await alice.request('GET', download(place))).body).toEqual(content)
    const part = await alice.request('GET', download(place), undefined, { headers: { range: 'bytes=1000-201000' } })
    expect(part.body).toEqual(content.subarray(1000, 201_001))
  })

  test('does not send again what the client has', async () => {
    const { alice } = await aliceOf()
    const place = await upload(alice, bytes('x'))
    const { headers } = await alice.request('GET', download(place))
    const etag = headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[0-9a-f]{64}"$/)
    const ask = (more: Record<string, string>) => alice.request('GET', download(place), undefined, { headers: more })
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await ask({ 'if-none-match': known })
      expect(answer.status).toBe(304)
      expect(answer.body).toHaveLength(0)
      expect(answer.headers.get('etag')).toBe(etag)
    }
    expect((await ask({ 'if-none-match': '"other"' })).status).toBe(200)
    expect((await ask({ range: 'bytes=0-0', 'if-range': etag })).status).toBe(206)
    expect((await ask({ range: 'bytes=0-0', 'if-range': '"other"' })).status).toBe(200)
  })

  test.each(['a.test/unknown', 'b.test/remote', 'a.test/..%2F..%2Fhausbote.db'])('%s is not found', async (place) => {
    const { alice } = await aliceOf()
    expect(await alice.request('GET', download(place))).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })

  test('needs an access token, and is frozen without', async () => {
    const { server, alice } = await aliceOf()
    const place = await upload(alice, bytes('x'))
    expect(await server.request('GET', download(place))).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
    for (const path of [`download/${place}`, `download/${place}/name`, `thumbnail/${place}?width=1&height=1`])
      expect(await server.request('GET', `/_matrix/media/v3/${path}?allow_remote=false`)).toMatchObject({
        status: 404,
        body: { errcode: 'M_NOT_FOUND' },
      })
  })

  test('a negative time to wait is refused', async () => {
    const { alice } = await aliceOf()
    const answer = await alice.request('GET', `${download('a.test/x')}?timeout_ms=-1`)
    expect(answer).toMatchObject({
      status: 400,
      body: { errcode: 'M_INVALID_PARAM', error: expect.stringContaining('timeout_ms') },
    })
  })
})

test.each(['/_matrix/client/v1/media/config', '/_matrix/media/v3/config'])('GET %s tells the limit', async (path) => {
  const { server, alice } = await aliceOf()
  expect(await alice.request('GET', path)).toMatchObject({ status: 200, body: { 'm.upload.size': 104_857_600 } })
  expect((await server.request('GET', path)).status).toBe(401)
})
