import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp, { type Create } from 'sharp'
import { describe, expect, test } from 'vitest'
import { createWorld, type TestUser } from '../support/world.ts'
import { bytes, filesIn, placeOf, upload } from './kit.ts'

async function aliceOf() {
  const world = await createWorld()
  const server = await world.server('a.test')
  return { world, server, alice: await server.register('alice') }
}

const picture = (width: number, height: number, background: Create['background'] = 'red', channels: 3 | 4 = 3) =>
  sharp({ create: { width, height, channels, background } })

function thumbnail(user: TestUser, place: string, query: string) {
  return user.request('GET', `/_matrix/client/v1/media/thumbnail/${place}?${query}`)
}

async function film(frames: number): Promise<Buffer> {
  const images = await Promise.all(
    Array.from({ length: frames }, (_, index) =>
      picture(200, 100, { r: index * 20, g: 0, b: 0 })
        .png()
        .toBuffer(),
    ),
  )
  return sharp(images, { join: { animated: true } })
    .gif()
    .toBuffer()
}

describe('GET /thumbnail', () => {
  test.each([
    ['width=32&height=32&method=crop', 32, 32],
    ['width=33&height=33&method=crop', 96, 96],
    ['width=320&height=240&method=scale', 320, 160],
    ['width=600&height=10', 640, 320],
    ['width=800&height=100&method=crop', 800, 400],
  ])('%s of 2000x1000 is %ix%i', async (query, width, height) => {
    const { alice } = await aliceOf()
    const place = await upload(alice, await picture(2000, 1000).jpeg().toBuffer(), { type: 'image/jpeg' })
    const { status, headers, body } = await thumbnail(alice, place, query)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('image/jpeg')
    expect(headers.get('content-disposition')).toBe('inline; filename="thumbnail.jpeg"')
    expect(headers.get('content-security-policy')).toContain('sandbox')
    expect(await sharp(body).metadata()).toMatchObject({ format: 'jpeg', width, height })
  })

  test('nothing is enlarged: the original is sent, as what it is and not as what it was called', async () => {
    const { alice } = await aliceOf()
    const original = await picture(30, 20).png().toBuffer()
    const place = await upload(alice, original, { type: 'text/html' })
    for (const query of ['width=320&height=240', 'width=9999&height=9999', 'width=96&height=96&method=crop']) {
      const { headers, body } = await thumbnail(alice, place, query)
      expect(headers.get('content-type')).toBe('image/png')
      expect(Buffer.from(body)).toEqual(original)
    }
  })

  test('a picture that is too low is cropped to its shape without being enlarged', async () => {
    const { alice } = await aliceOf()
    const place = await upload(alice, await picture(500, 50).png().toBuffer())
    const { body } = await thumbnail(alice, place, 'width=96&height=96&method=crop')
    expect(await sharp(body).metadata()).toMatchObject({ width: 50, height: 50 })
  })

  test('transparency stays', async () => {
    const { alice } = await aliceOf()
    const place = await upload(alice, await picture(500, 500, { r: 0, g: 0, b: 0, alpha: 0.5 }, 4).webp().toBuffer())
    const { headers, body } = await thumbnail(alice, place, 'width=96&height=96')
    expect(headers.get('content-type')).toBe('image/png')
    expect((await sharp(body).stats()).isOpaque).toBe(false)
  })

  test('what browsers of old cannot show is sent as something else, however small', async () => {
    const { alice } = await aliceOf()
    const place = await upload(alice, await picture(40, 30).avif().toBuffer(), { type: 'image/avif' })
    const { headers, body } = await thumbnail(alice, place, 'width=96&height=96')
    expect(headers.get('content-type')).toBe('image/png')
    expect(await sharp(body).metadata()).toMatchObject({ format: 'png', width: 40, height: 30 })
  })

  test('a turned photograph is shown upright, and tells nothing of its camera', async () => {
    const { alice } = await aliceOf()
    const turned = await picture(400, 200)
      .withExif({ IFD0: { Make: 'Camera' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer()
    const { body } = await thumbnail(alice, await upload(alice, turned), 'width=96&height=96')
    const metadata = await sharp(body).metadata()
    expect(metadata).toMatchObject({ width: 48, height: 96 })
    expect(metadata.exif).toBeUndefined()
  })

  test('moves only where that was asked for', async () => {
    const { alice } = await aliceOf()
    const place = await upload(alice, await film(3), { type: 'image/gif' })
    const still = await thumbnail(alice, place, 'width=96&height=96')
    expect(still.headers.get('content-type')).toBe('image/png')
    expect((await sharp(still.body).metadata()).pages).toBeUndefined()
    const moving = await thumbnail(alice, place, 'width=96&height=96&animated=true')
    expect(moving.headers.get('content-type')).toBe('image/webp')
    expect(await sharp(moving.body, { animated: true }).metadata()).toMatchObject({ pages: 3, width: 96, pageHeight: 48 })
    // Small enough to be sent as it is, but it moves.
    const small = await thumbnail(alice, place, 'width=800&height=600&animated=false')
    expect((await sharp(small.body).metadata()).pages).toBeUndefined()
    const unmoved = await upload(alice, await picture(500, 500).jpeg().toBuffer())
    expect((await thumbnail(alice, unmoved, 'width=96&height=96&animated=true')).headers.get('content-type')).toBe('image/jpeg')
  })

  test('is made once and kept', async () => {
    const { server, alice } = await aliceOf()
    const place = await upload(alice, await picture(500, 500).png().toBuffer())
    const answers = await Promise.all(['width=90&height=90', 'width=96&height=96'].map((query) => thumbnail(alice, place, query)))
    expect(answers[0]?.headers.get('etag')).toBe(answers[1]?.headers.get('etag'))
    expect(filesIn(server, 'thumbnails')).toEqual(['96x96-scale.png'])
    const [hash = ''] = filesIn(server, 'contents')
    const other = await picture(7, 7).png().toBuffer()
    writeFileSync(join(server.directory, 'media/thumbnails', hash.slice(0, 2), hash, '96x96-scale.png'), other)
    expect(Buffer.from((await thumbnail(alice, place, 'width=96&height=96')).body)).toEqual(other)
  })

  test.each<[string, () => Promise<Uint8Array>]>([
    ['text', async () => bytes('no picture')],
    ['nothing', async () => new Uint8Array()],
    ['an SVG', async () => bytes('<svg xmlns="http://www.w3.org/2000/svg" width="500" height="500"/>')],
    ['a TIFF', () => picture(500, 500).tiff().toBuffer()],
    ['a torn PNG', async () => (await picture(900, 900).png({ compressionLevel: 0 }).toBuffer()).subarray(0, 5000)],
  ])('%s is refused', async (_what, make) => {
    const { alice } = await aliceOf()
    const place = await upload(alice, await make(), { type: 'image/png' })
    for (let time = 0; time < 2; time += 1)
      expect(await thumbnail(alice, place, 'width=96&height=96')).toMatchObject({ status: 400, body: { errcode: 'M_UNKNOWN' } })
  })

  test('an image of too many pixels is refused before it is decoded', async () => {
    const { alice } = await aliceOf()
    const place = await upload(alice, await picture(10_000, 5001).png().toBuffer())
    expect(await thumbnail(alice, place, 'width=96&height=96')).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
  })

  test.each([
    ['width=96', 'M_MISSING_PARAM', 'height'],
    ['width=0&height=96', 'M_INVALID_PARAM', 'width'],
    ['width=96&height=-1', 'M_INVALID_PARAM', 'height'],
    ['width=1.5&height=96', 'M_INVALID_PARAM', 'width'],
    ['width=96&height=96&method=stretch', 'M_INVALID_PARAM', 'method'],
    ['width=96&height=96&animated=maybe', 'M_INVALID_PARAM', 'animated'],
  ])('%s: %s', async (query, errcode, field) => {
    const { alice } = await aliceOf()
    expect(await thumbnail(alice, 'a.test/x', query)).toMatchObject({
      status: 400,
      body: { errcode, error: expect.stringContaining(field) },
    })
  })

  test('of nothing, of what is not uploaded yet, without a token', async () => {
    const { server, alice } = await aliceOf()
    expect(await thumbnail(alice, 'a.test/unknown', 'width=96&height=96')).toMatchObject({
      status: 404,
      body: { errcode: 'M_NOT_FOUND' },
    })
    const place = placeOf((await alice.request('POST', '/_matrix/media/v1/create')).body.content_uri)
    const answer = await thumbnail(alice, place, 'width=96&height=96&timeout_ms=0')
    expect(answer).toMatchObject({ status: 504, body: { errcode: 'M_NOT_YET_UPLOADED' } })
    expect((await server.request('GET', `/_matrix/client/v1/media/thumbnail/${place}?width=1&height=1`)).status).toBe(401)
  })
})
