import { describe, expect, it, test } from 'vitest'
import { createWorld, federating, type TestServer } from '../support/world.ts'
import { askAs, createPeer } from './kit.ts'

const v3 = '/_matrix/client/v3'
const profilePath = (userId: string, field = '') => `${v3}/profile/${encodeURIComponent(userId)}${field && `/${field}`}`
const aliasPath = (alias: string) => `${v3}/directory/room/${encodeURIComponent(alias)}`

async function twoServers() {
  const world = await createWorld()
  const [a, b] = [await world.server('a.test', federating), await world.server('b.test', federating)]
  return { world, a, b, alice: await a.register('alice'), bob: await b.register('bob') }
}

/** A server that answers all queries with the same. */
async function facing(answer: (request: Request) => Response) {
  const world = await createWorld()
  const a = await world.server('a.test', federating)
  world.network.host('peer.test', answer)
  return { world, a }
}

const errorOf = async (server: TestServer, path: string) => {
  const { status, body } = await server.request('GET', path)
  return [status, body.errcode]
}

describe('profiles', () => {
  test('of users of another server are shown, whole and by field', async () => {
    const { a, b, bob } = await twoServers()
    for (const [field, value] of Object.entries({
      displayname: 'Dr. Böb',
      avatar_url: 'mxc://b.test/face',
      'org.x.y': { a: [1.5] },
    }))
      await bob.request('PUT', profilePath(bob.userId, field), { [field]: value })
    const expected = { displayname: 'Dr. Böb', avatar_url: 'mxc://b.test/face', 'org.x.y': { a: [1.5] } }
    expect((await a.request('GET', profilePath(bob.userId))).body).toEqual(expected)
    expect((await a.request('GET', profilePath(bob.userId, 'displayname'))).body).toEqual({ displayname: 'Dr. Böb' })
    expect(await errorOf(a, profilePath(bob.userId, 'org.none.such'))).toEqual([404, 'M_NOT_FOUND'])
    expect(await errorOf(a, profilePath('@nobody:b.test'))).toEqual([404, 'M_NOT_FOUND'])
    expect((await b.request('GET', profilePath(bob.userId))).body).toEqual(expected)
  })

  test('are not promised to have an avatar where it is no address of a file', async () => {
    const { a, bob } = await twoServers()
    await bob.request('PUT', profilePath(bob.userId, 'avatar_url'), { avatar_url: 'https://tracker.test/bob.gif' })
    expect((await a.request('GET', profilePath(bob.userId))).body).toEqual({})
  })

  test('are given out only about users of this server', async () => {
    const { world, a, bob, alice } = await twoServers()
    const { signer } = createPeer(world, 'peer.test')
    const ask = async (query: string) => {
      const { status, body } = await askAs(signer, a, 'GET', `/_matrix/federation/v1/query/profile${query}`)
      return [status, body.errcode]
    }
    expect(await ask(`?user_id=${bob.userId}`)).toEqual([400, 'M_INVALID_PARAM'])
    expect(await ask('?user_id=@alice:a.test:http')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await ask('')).toEqual([400, 'M_MISSING_PARAM'])
    expect(await ask('?user_id=@nobody:a.test')).toEqual([404, 'M_NOT_FOUND'])
    expect(await ask(`?user_id=${alice.userId}`)).toEqual([200, undefined])
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password: 'password of alice' }
    expect((await alice.request('POST', `${v3}/account/deactivate`, { auth })).status).toBe(200)
    expect(await ask(`?user_id=${alice.userId}`)).toEqual([404, 'M_NOT_FOUND'])
  })

  it.each([
    [
      'null for what is not set',
      () => Response.json({ displayname: null, avatar_url: 'mxc://x/y' }),
      { avatar_url: 'mxc://x/y' },
    ],
    ['more than it was asked for', () => Response.json({ displayname: 'A', extra: 1 }), { displayname: 'A', extra: 1 }],
  ])('with %s are taken as they are meant', async (_, answer, expected) => {
    const { a } = await facing(answer)
    expect((await a.request('GET', profilePath('@x:peer.test'))).body).toEqual(expected)
    const { displayname } = expected as { displayname?: string }
    const one = await a.request('GET', profilePath('@x:peer.test', 'displayname'))
    if (displayname === undefined) expect(one).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    else expect(one.body).toEqual({ displayname })
  })

  it.each([
    ['a refusal', () => Response.json({ errcode: 'M_FORBIDDEN', error: 'no' }, { status: 403 }), [403, 'M_FORBIDDEN']],
    ['no such user', () => Response.json({ errcode: 'M_NOT_FOUND', error: 'no' }, { status: 404 }), [404, 'M_NOT_FOUND']],
    ['another error', () => Response.json({ errcode: 'M_UNKNOWN', error: 'no' }, { status: 500 }), [502, 'M_UNKNOWN']],
    ['an error without a code', () => new Response('gone', { status: 404 }), [502, 'M_UNKNOWN']],
    ['a wrong type', () => Response.json({ displayname: 5 }), [502, 'M_UNKNOWN']],
    ['no object', () => Response.json([]), [502, 'M_UNKNOWN']],
    ['no JSON', () => new Response('<html>'), [502, 'M_UNKNOWN']],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://c.test/' } }), [502, 'M_UNKNOWN']],
    ['too much', () => Response.json({ displayname: 'x'.repeat(200_000) }), [502, 'M_UNKNOWN']],
    ['a bottomless answer', () => new Response(`{"a":${'['.repeat(60_000)}${']'.repeat(60_000)}}`), [502, 'M_UNKNOWN']],
  ])('after %s are an error with the right code', async (_, answer, expected) => {
    const { a } = await facing(answer)
    expect(await errorOf(a, profilePath('@x:peer.test'))).toEqual(expected)
  })
})

describe('aliases', () => {
  test('of another server lead to its room', async () => {
    const { a, bob } = await twoServers()
    const { body } = await bob.request('POST', `${v3}/createRoom`, { room_alias_name: 'practice', preset: 'public_chat' })
    expect((await a.request('GET', aliasPath('#practice:b.test'))).body).toEqual({ room_id: body.room_id, servers: ['b.test'] })
    expect(await errorOf(a, aliasPath('#none:b.test'))).toEqual([404, 'M_NOT_FOUND'])
  })

  test('are given out only where they are of this server', async () => {
    const { world, a } = await twoServers()
    const { signer } = createPeer(world, 'peer.test')
    const ask = async (query: string) => {
      const { status, body } = await askAs(signer, a, 'GET', `/_matrix/federation/v1/query/directory${query}`)
      return [status, body.errcode]
    }
    expect(await ask(`?room_alias=${encodeURIComponent('#x:b.test')}`)).toEqual([404, 'M_NOT_FOUND'])
    expect(await ask('?room_alias=x')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await ask('')).toEqual([400, 'M_MISSING_PARAM'])
  })

  it.each([
    ['no room id', { room_id: 'x', servers: [] }, [502, 'M_UNKNOWN']],
    ['no list', { room_id: '!r:peer.test' }, [502, 'M_UNKNOWN']],
  ])('that lead to %s are an error', async (_, answer, expected) => {
    const { a } = await facing(() => Response.json(answer))
    expect(await errorOf(a, aliasPath('#x:peer.test'))).toEqual(expected)
  })

  test('name only what can be servers, and no more of them than anybody tries', async () => {
    const servers = ['not a name', ...Array.from({ length: 300 }, (_, index) => `s${index}.test`)]
    const { a } = await facing(() => Response.json({ room_id: '!r:peer.test', servers }))
    const { body } = await a.request('GET', aliasPath('#x:peer.test'))
    expect(body.servers).toHaveLength(100)
    expect(body.servers[0]).toBe('s0.test')
  })
})

test('a server that is not there is left alone, for longer each time, and comes back', async () => {
  const { world, a, b, bob } = await twoServers()
  world.network.cut('b.test')
  const tries = () => world.network.asked.filter((what) => what.startsWith('b.test/_matrix')).length
  for (let step = 0; step < 100; step += 1) {
    expect(await errorOf(a, profilePath(bob.userId))).toEqual([502, 'M_UNKNOWN'])
    await world.clock.advance(1000)
  }
  // After 0, 5, 15, 35 and 75 seconds.
  expect(tries()).toBe(5)
  world.network.host('b.test', async (request) => (await b.app.federation?.fetch(request)) ?? Response.error())
  await world.clock.advance(100_000)
  expect((await a.request('GET', profilePath(bob.userId))).status).toBe(200)
})

test('a server that speaks with no others asks none, and has no door for them', async () => {
  const world = await createWorld()
  const a = await world.server('a.test')
  expect(a.app.federation).toBeUndefined()
  expect(await errorOf(a, profilePath('@bob:b.test'))).toEqual([404, 'M_NOT_FOUND'])
  expect(await errorOf(a, aliasPath('#x:b.test'))).toEqual([404, 'M_NOT_FOUND'])
  expect(world.network.asked).toEqual([])
})
