import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { boundaryIn } from '../../src/media/multipart-reader.ts'
import { askAs, createPeer } from '../federation/kit.ts'
import { createWorld, federating } from '../support/world.ts'
import { upload } from './kit.ts'

const path = '/_matrix/federation/v1/media'

async function setUp() {
  const world = await createWorld()
  const server = await world.server('a.test', federating)
  const { signer } = createPeer(world, 'peer.test')
  const alice = await server.register('alice')
  return { world, server, alice, ask: (target: string) => askAs(signer, server, 'GET', target) }
}

const idOf = (place: string) => place.split('/')[1] ?? ''

describe('other servers get', () => {
  test('a media as the second part of two', async () => {
    const { alice, ask } = await setUp()
    const id = idOf(await upload(alice, Buffer.from('hello'), { type: 'text/plain', filename: '☕.txt' }))
    const { status, headers, body } = await ask(`${path}/download/${id}`)
    expect(status).toBe(200)
    const boundary = boundaryIn(headers.get('content-type') ?? '')
    expect(Buffer.from(body).toString('latin1')).toBe(
      [
        `--${boundary}`,
        'Content-Type: application/json',
        '',
        '{}',
        `--${boundary}`,
        'Content-Type: text/plain',
        "Content-Disposition: inline; filename*=UTF-8''%E2%98%95.txt",
        '',
        'hello',
        `--${boundary}--`,
        '',
      ].join('\r\n'),
    )
    expect(headers.get('content-length')).toBe(String(body.length))
    expect(boundaryIn((await ask(`${path}/download/${id}`)).headers.get('content-type') ?? '')).not.toBe(boundary)
  })

  test('a thumbnail', async () => {
    const { alice, ask } = await setUp()
    const picture = await sharp({ create: { width: 640, height: 480, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    const id = idOf(await upload(alice, picture, { type: 'image/png' }))
    const { status, body } = await ask(`${path}/thumbnail/${id}?width=320&height=240`)
    expect(status).toBe(200)
    const text = Buffer.from(body).toString('latin1')
    expect(text).toContain('Content-Type: image/png\r\nContent-Disposition: inline; filename="thumbnail.png"\r\n\r\n')
    const image = Buffer.from(text.slice(text.indexOf('\r\n\r\n', text.indexOf('image/png')) + 4), 'latin1')
    expect(await sharp(image).metadata()).toMatchObject({ format: 'png', width: 320, height: 240 })
  })

  test.each([
    ['download/nothing', 404, 'M_NOT_FOUND'],
    ['download/a%2F..%2Fb', 404, 'M_NOT_FOUND'],
    ['thumbnail/nothing?width=1&height=1', 404, 'M_NOT_FOUND'],
    ['thumbnail/nothing', 400, 'M_MISSING_PARAM'],
    ['download/nothing?timeout_ms=x', 400, 'M_INVALID_PARAM'],
  ])('no %s', async (target, status, errcode) => {
    const { ask } = await setUp()
    expect(await ask(`${path}/${target}`)).toMatchObject({ status, body: { errcode } })
  })

  test('what is no picture only as it is', async () => {
    const { alice, ask } = await setUp()
    const id = idOf(await upload(alice, Buffer.from('hello')))
    const answer = await ask(`${path}/thumbnail/${id}?width=32&height=32`)
    expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_UNKNOWN' } })
  })

  test('nothing that came from a third one', async () => {
    const { world, server, ask } = await setUp()
    const third = await world.server('b.test', federating)
    const alice = await server.login('alice')
    const place = await upload(await third.register('bob'), Buffer.from('x'))
    expect((await alice.request('GET', `/_matrix/client/v1/media/download/${place}`)).status).toBe(200)
    expect((await ask(`${path}/download/${idOf(place)}`)).status).toBe(404)
  })

  test('nothing without a signature', async () => {
    const { server, alice } = await setUp()
    const id = idOf(await upload(alice, Buffer.from('hello')))
    const answer = await server.federation('GET', `${path}/download/${id}`)
    expect(answer).toMatchObject({ status: 401, body: { errcode: 'M_UNAUTHORIZED' } })
  })
})
