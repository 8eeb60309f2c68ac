import { describe, expect, test } from 'vitest'
import { oneServer } from '../accounts/cheap-world.ts'

const v3 = '/_matrix/client/v3'

describe('what clients ask first', () => {
  test('versions are named from v1.1 without gaps', async () => {
    const { server } = await oneServer()
    const { versions } = (await server.request('GET', '/_matrix/client/versions')).body
    expect(versions.length).toBeGreaterThan(0)
    expect(versions).toEqual(versions.map((_: string, index: number) => `v1.${index + 1}`))
  })

  test('capabilities name room versions that can be made', async () => {
    const { server } = await oneServer({ HAUSBOTE_DEFAULT_ROOM_VERSION: '11' })
    const alice = await server.register('alice')
    const { capabilities } = (await alice.request('GET', `${v3}/capabilities`)).body
    const { default: byDefault, available } = capabilities['m.room_versions']
    expect(byDefault).toBe('11')
    for (const version of Object.keys(available)) {
      const { status, body } = await alice.request('POST', `${v3}/createRoom`, { room_version: version })
      expect(status).toBe(200)
      const create = await alice.request('GET', `${v3}/rooms/${encodeURIComponent(body.room_id)}/state/m.room.create`)
      expect(create.body.room_version ?? '1').toBe(version)
    }
    const unknown = await alice.request('POST', `${v3}/createRoom`, { room_version: 'none' })
    expect(unknown).toMatchObject({ status: 400, body: { errcode: 'M_UNSUPPORTED_ROOM_VERSION' } })
    expect((await server.request('GET', `${v3}/capabilities`)).body.errcode).toBe('M_MISSING_TOKEN')
  })

  test('what is v3 now is found under its name of before version 1.1', async () => {
    const { server } = await oneServer()
    const alice = await server.register('alice')
    expect((await alice.request('GET', '/_matrix/client/r0/account/whoami')).body).toMatchObject({ user_id: alice.userId })
    const uploaded = await alice.request('POST', '/_matrix/media/r0/upload', new Uint8Array([1]))
    expect(uploaded.body.content_uri).toMatch(/^mxc:\/\/a\.test\//)
    expect((await alice.request('GET', '/_matrix/client/r1/account/whoami')).body.errcode).toBe('M_UNRECOGNIZED')
  })

  test('discovery says where the server is, if that was set', async () => {
    const wellKnown = '/.well-known/matrix/client'
    const { server } = await oneServer({ HAUSBOTE_PUBLIC_URL: 'https://matrix.a.test' })
    expect((await server.request('GET', wellKnown)).body).toEqual({ 'm.homeserver': { base_url: 'https://matrix.a.test' } })
    expect((await (await oneServer()).server.request('GET', wellKnown)).status).toBe(404)
  })
})

describe('filters', () => {
  test('are kept for their owner, and sync takes them by their id', async () => {
    const { server } = await oneServer()
    const alice = await server.register('alice')
    const bob = await server.register('bob')
    const path = `${v3}/user/${encodeURIComponent(alice.userId)}/filter`
    const filter = { room: { timeline: { limit: 1, types: ['m.room.message'] } } }
    const { filter_id: id } = (await alice.request('POST', path, filter)).body
    expect((await alice.request('GET', `${path}/${id}`)).body).toEqual(filter)
    expect((await bob.request('GET', `${path}/${id}`)).status).toBe(403)
    expect((await bob.request('POST', path, filter)).status).toBe(403)
    expect((await alice.request('GET', `${path}/999`)).body.errcode).toBe('M_NOT_FOUND')

    const roomId = (await alice.request('POST', `${v3}/createRoom`, {})).body.room_id
    const { body } = await alice.request('GET', `${v3}/sync?filter=${id}`)
    expect(body.rooms.join[roomId].timeline.events).toEqual([])
  })
})

test('downloads without authentication are refused', async () => {
  const { server } = await oneServer()
  const alice = await server.register('alice')
  const uploaded = await alice.request('POST', '/_matrix/media/v3/upload', new Uint8Array([1, 2, 3]))
  const place = uploaded.body.content_uri.slice('mxc://'.length)
  for (const path of [`download/${place}`, `download/${place}/a.txt`, `thumbnail/${place}?width=8&height=8`])
    expect(await server.request('GET', `/_matrix/media/v3/${path}`)).toMatchObject({
      status: 404,
      body: { errcode: 'M_NOT_FOUND' },
    })
  expect((await alice.request('GET', `/_matrix/client/v1/media/download/${place}`)).body).toEqual(new Uint8Array([1, 2, 3]))
})
