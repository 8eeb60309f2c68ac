import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createWorld } from '../support/world.ts'
import { bytes, download, filesIn, placeOf, upload } from './kit.ts'

const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex')

/** Without a length in the headers, as a chunked upload comes. */
function streamOf(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks)
}

describe('POST /upload', () => {
  test('keeps a content by its hash and gives it back', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const content = bytes('hello')
    const place = await upload(alice, content, { type: 'text/plain', filename: 'a.txt' })
    const { status, headers, body } = await alice.request('GET', download(place))
    expect(status).toBe(200)
    expect(body).toEqual(content)
    expect(headers.get('content-type')).toBe('text/plain')
    expect(filesIn(server, 'contents')).toEqual([sha256(content)])
    expect(filesIn(server, 'temporary')).toEqual([])
    expect(filesIn(server, 'placing')).toEqual([])
  })

  test('keeps the same content once', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const places = await Promise.all([upload(alice, bytes('same')), upload(alice, bytes('same'))])
    expect(places[0]).not.toBe(places[1])
    expect(filesIn(server, 'contents')).toHaveLength(1)
    for (const place of places) expect((await alice.request('GET', download(place))).body).toEqual(bytes('same'))
  })

  test('takes an empty file', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const place = await upload(alice, new Uint8Array())
    expect((await alice.request('GET', download(place))).body).toEqual(new Uint8Array())
  })

  test('survives a restart', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const place = await upload(alice, bytes('kept'))
    await server.restart()
    expect((await alice.request('GET', download(place))).body).toEqual(bytes('kept'))
  })

  test('refuses more bytes than configured, announced or not, and leaves nothing behind', async () => {
    const world = await createWorld()
    const server = await world.server('a.test', { HAUSBOTE_MAX_UPLOAD_BYTES: '1024' })
    const alice = await server.register('alice')
    const exact = await upload(alice, new Uint8Array(1024))
    expect((await alice.request('GET', download(exact))).body).toHaveLength(1024)
    const announced = await alice.request('POST', '/_matrix/media/v3/upload', new Uint8Array(1025), {
      headers: { 'content-length': '1025' },
    })
    expect(announced).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
    const response = await server.app.client.request('/_matrix/media/v3/upload', {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.accessToken}` },
      body: streamOf(new Uint8Array(1000), new Uint8Array(25)),
      duplex: 'half',
    } as RequestInit)
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ errcode: 'M_TOO_LARGE' })
    expect(filesIn(server, 'contents')).toHaveLength(1)
    expect(filesIn(server, 'temporary')).toEqual([])
  })

  test('refuses a body that ends too early or breaks off, and leaves nothing behind', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const early = await alice.request('POST', '/_matrix/media/v3/upload', bytes('abc'), { headers: { 'content-length': '4' } })
    expect(early).toMatchObject({ status: 400, body: { errcode: 'M_BAD_JSON' } })
    const response = await server.app.client.request('/_matrix/media/v3/upload', {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.accessToken}` },
      body: ReadableStream.from(
        (function* () {
          yield bytes('abc')
          throw new Error('the connection broke')
        })(),
      ),
      duplex: 'half',
    } as RequestInit)
    expect(response.status).toBe(500)
    expect(filesIn(server, 'contents')).toEqual([])
    expect(filesIn(server, 'temporary')).toEqual([])
  })

  test('needs an access token and a file name of reasonable length', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    expect(await server.request('POST', '/_matrix/media/v3/upload', bytes('x'))).toMatchObject({
      status: 401,
      body: { errcode: 'M_MISSING_TOKEN' },
    })
    const long = await alice.request('POST', `/_matrix/media/v3/upload?filename=${'x'.repeat(256)}`, bytes('x'))
    expect(long).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM', error: expect.stringContaining('filename') } })
  })

  test('forgets what a sudden end interrupted', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const wanted = bytes('wanted')
    const place = await upload(alice, wanted)
    const unwanted = sha256(bytes('unwanted'))
    const directory = join(server.directory, 'media')
    mkdirSync(join(directory, 'contents', unwanted.slice(0, 2)), { recursive: true })
    writeFileSync(join(directory, 'contents', unwanted.slice(0, 2), unwanted), 'unwanted')
    for (const hash of [unwanted, sha256(wanted)]) writeFileSync(join(directory, 'placing', hash), '')
    writeFileSync(join(directory, 'temporary', '7'), 'half')
    await server.restart()
    expect(filesIn(server, 'contents')).toEqual([sha256(wanted)])
    expect(filesIn(server, 'placing')).toEqual([])
    expect(filesIn(server, 'temporary')).toEqual([])
    expect((await alice.request('GET', download(place))).body).toEqual(wanted)
  })
})

describe('uploads to an id created before', () => {
  test('a download waits for the upload', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const created = await alice.request('POST', '/_matrix/media/v1/create')
    expect(created.status).toBe(200)
    expect(created.body.unused_expires_at).toBe(world.clock.now() + 24 * 60 * 60 * 1000)
    const place = placeOf(created.body.content_uri)
    const waiting = alice.request('GET', `${download(place)}?timeout_ms=5000`)
    const put = await alice.request('PUT', `/_matrix/media/v3/upload/${place}?filename=x.bin`, bytes('later'), {
      headers: { 'content-type': 'text/csv' },
    })
    expect(put).toMatchObject({ status: 200, body: {} })
    const got = await waiting
    expect(got.status).toBe(200)
    expect(got.body).toEqual(bytes('later'))
    expect(got.headers.get('content-type')).toBe('text/csv')
    expect(got.headers.get('content-disposition')).toBe('inline; filename="x.bin"')
  })

  test('is not overwritten', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const place = placeOf((await alice.request('POST', '/_matrix/media/v1/create')).body.content_uri)
    const path = `/_matrix/media/v3/upload/${place}`
    const both = await Promise.all([alice.request('PUT', path, bytes('one')), alice.request('PUT', path, bytes('two'))])
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409])
    const again = await alice.request('PUT', path, bytes('three'))
    expect(again).toMatchObject({ status: 409, body: { errcode: 'M_CANNOT_OVERWRITE_MEDIA' } })
    expect(filesIn(server, 'contents')).toHaveLength(1)
  })

  test('is not yet uploaded when the time is over', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const place = placeOf((await alice.request('POST', '/_matrix/media/v1/create')).body.content_uri)
    const notYet = { status: 504, body: { errcode: 'M_NOT_YET_UPLOADED' } }
    expect(await alice.request('GET', `${download(place)}?timeout_ms=0`)).toMatchObject(notYet)
    const waiting = alice.request('GET', download(place))
    await new Promise((resolve) => setImmediate(resolve))
    await world.clock.advance(20_000)
    expect(await waiting).toMatchObject(notYet)
    expect(await server.request('GET', `/_matrix/media/v3/download/${place}`)).toMatchObject(notYet)
  })

  test('a failed upload can be tried again', async () => {
    const world = await createWorld()
    const server = await world.server('a.test', { HAUSBOTE_MAX_UPLOAD_BYTES: '1024' })
    const alice = await server.register('alice')
    const place = placeOf((await alice.request('POST', '/_matrix/media/v1/create')).body.content_uri)
    const path = `/_matrix/media/v3/upload/${place}`
    expect(await alice.request('PUT', path, new Uint8Array(1025))).toMatchObject({
      status: 413,
      body: { errcode: 'M_TOO_LARGE' },
    })
    expect((await alice.request('PUT', path, bytes('ok'))).status).toBe(200)
  })

  test('belongs to who created it, and to this server', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const bob = await server.register('bob')
    const place = placeOf((await alice.request('POST', '/_matrix/media/v1/create')).body.content_uri)
    const foreign = await bob.request('PUT', `/_matrix/media/v3/upload/${place}`, bytes('x'))
    expect(foreign).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    for (const other of ['a.test/unknown', place.replace('a.test', 'b.test')]) {
      const answer = await alice.request('PUT', `/_matrix/media/v3/upload/${other}`, bytes('x'))
      expect(answer).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    }
  })

  test('expires', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const { body } = await alice.request('POST', '/_matrix/media/v1/create')
    const place = placeOf(body.content_uri)
    await world.clock.advance(body.unused_expires_at - world.clock.now())
    const gone = { status: 404, body: { errcode: 'M_NOT_FOUND' } }
    expect(await alice.request('PUT', `/_matrix/media/v3/upload/${place}`, bytes('late'))).toMatchObject(gone)
    expect(await alice.request('GET', `${download(place)}?timeout_ms=0`)).toMatchObject(gone)
  })

  test('at most a hundred wait at a time', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const create = () => alice.request('POST', '/_matrix/media/v1/create')
    const answers = await Promise.all(Array.from({ length: 100 }, create))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(await create()).toMatchObject({
      status: 429,
      body: { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 24 * 60 * 60 * 1000 },
    })
    await alice.request('PUT', `/_matrix/media/v3/upload/${placeOf(answers[0]?.body.content_uri)}`, bytes('x'))
    expect((await create()).status).toBe(200)
    await world.clock.advance(24 * 60 * 60 * 1000)
    expect((await create()).status).toBe(200)
  })
})

describe('deleting', () => {
  const erase = {
    auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password: 'password of alice' },
    erase: true,
  }

  test('an erased account takes its files along, unless somebody else has the same content', async () => {
    const world = await createWorld()
    const server = await world.server('a.test')
    const alice = await server.register('alice')
    const bob = await server.register('bob')
    const own = await upload(alice, bytes('own'))
    await upload(alice, bytes('shared'))
    const shared = await upload(bob, bytes('shared'))
    const challenge = await alice.request('POST', '/_matrix/client/v3/account/deactivate', { erase: true })
    const { session } = challenge.body
    const done = await alice.request('POST', '/_matrix/client/v3/account/deactivate', {
      ...erase,
      auth: { ...erase.auth, session },
    })
    expect(done.status).toBe(200)
    await server.restart()
    expect(filesIn(server, 'contents')).toEqual([sha256(bytes('shared'))])
    expect(await bob.request('GET', download(own))).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect((await bob.request('GET', download(shared))).body).toEqual(bytes('shared'))
  })
})
