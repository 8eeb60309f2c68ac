import { expect, it, test } from 'vitest'
import { createDiscovery } from '../../src/federation/discovery.ts'
import type { Incoming, Unanswered } from '../../src/federation/network.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import type { Service } from '../../src/platform/resolver.ts'
import { handMovedClock } from '../support/clock.ts'
import { seededRandom } from '../support/random.ts'

const service = (host: string, port: number, priority = 10, weight = 5): Service => ({ host, port, priority, weight })
const wellKnownAt = (host: string) => `https://${host}/.well-known/matrix/server`
const answer = (body: unknown, headers: Record<string, string> = {}, status = 200): Incoming => ({
  status,
  headers,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
})
const delegatesTo = (server: unknown, headers?: Record<string, string>) => answer({ 'm.server': server }, headers)

/** Discovery in a world with these documents and SRV records; `asked` is what it asked for. */
function setUp(documents: Record<string, Incoming | Unanswered>, records: Record<string, readonly Service[]> = {}) {
  const clock = handMovedClock()
  const asked: string[] = []
  const discover = createDiscovery({
    clock,
    random: seededRandom('discovery'),
    async get(url) {
      asked.push(url)
      return documents[url] ?? { problem: 'nobody is there', sent: false }
    },
    async services(name) {
      asked.push(name)
      return records[name] ?? []
    },
  })
  return { clock, asked, documents, records, discover: (name: string) => discover(name as ServerName) }
}

it.each([
  ['1.2.3.4', '1.2.3.4', 8448, '1.2.3.4'],
  ['1.2.3.4:80', '1.2.3.4', 80, '1.2.3.4:80'],
  ['[2606::1]', '2606::1', 8448, '[2606::1]'],
  ['[2606::1]:443', '2606::1', 443, '[2606::1]:443'],
])('step 1: %s is an address itself', async (name, host, port, hostHeader) => {
  const { discover, asked } = setUp({})
  expect(await discover(name)).toEqual({ places: [{ host, port }], hostHeader, tlsName: undefined })
  expect(asked).toEqual([])
})

test('step 2: a name with a port says where it is', async () => {
  const { discover, asked } = setUp({ [wellKnownAt('a.test')]: delegatesTo('elsewhere.test') })
  const expected = { places: [{ host: 'a.test', port: 443 }], hostHeader: 'a.test:443', tlsName: 'a.test' }
  expect(await discover('a.test:443')).toEqual(expected)
  expect(asked).toEqual([])
})

it.each([
  ['3.1: an address', '1.2.3.4', { host: '1.2.3.4', port: 8448 }, '1.2.3.4', undefined],
  ['3.1: an address with a port', '[2606::1]:9', { host: '2606::1', port: 9 }, '[2606::1]:9', undefined],
  ['3.2: a name with a port', 'm.test:9', { host: 'm.test', port: 9 }, 'm.test:9', 'm.test'],
  ['3.3: a service', 'fed.test', { host: 'real.test', port: 7 }, 'fed.test', 'fed.test'],
  ['3.4: a service under its old name', 'old.test', { host: 'real.test', port: 8 }, 'old.test', 'old.test'],
  ['3.5: a name alone', 'plain.test', { host: 'plain.test', port: 8448 }, 'plain.test', 'plain.test'],
])('step %s that .well-known names', async (_, delegated, place, hostHeader, tlsName) => {
  const { discover, asked } = setUp(
    { [wellKnownAt('a.test')]: delegatesTo(delegated), [wellKnownAt(delegated)]: delegatesTo('too.far.test') },
    {
      '_matrix-fed._tcp.fed.test': [service('real.test', 7)],
      '_matrix._tcp.fed.test': [service('wrong.test', 1)],
      '_matrix._tcp.old.test': [service('real.test.', 8)],
      '_matrix-fed._tcp.a.test': [service('wrong.test', 1)],
    },
  )
  expect(await discover('a.test')).toEqual({ places: [place], hostHeader, tlsName })
  expect(asked).not.toContain(wellKnownAt(delegated))
})

it.each([
  ['silence', { problem: 'no', sent: false }],
  ['an error', answer({ 'm.server': 'x.test' }, {}, 404)],
  ['no JSON', answer('<html>')],
  ['no object', answer(['x.test'])],
  ['no name', delegatesTo('not a name')],
  ['another type', delegatesTo(5)],
])('steps 4 to 6 follow where .well-known is %s', async (_, document) => {
  const records = { '_matrix-fed._tcp.a.test': [service('real.test', 7)], '_matrix._tcp.b.test': [service('real.test', 8)] }
  const documents = Object.fromEntries(['a', 'b', 'c'].map((name) => [wellKnownAt(`${name}.test`), document]))
  const { discover } = setUp(documents, records)
  const found = (host: string, port: number, name: string) => ({ places: [{ host, port }], hostHeader: name, tlsName: name })
  expect(await discover('a.test')).toEqual(found('real.test', 7, 'a.test'))
  expect(await discover('b.test')).toEqual(found('real.test', 8, 'b.test'))
  expect(await discover('c.test')).toEqual(found('c.test', 8448, 'c.test'))
})

test('services come by priority, and heavier ones first more often', async () => {
  const records = {
    '_matrix-fed._tcp.a.test': [
      service('last.test', 1, 20, 100),
      service('light.test', 2, 10, 1),
      service('heavy.test', 3, 10, 9),
    ],
  }
  const { discover, clock } = setUp({}, records)
  let heavyFirst = 0
  const rounds = 300
  for (let round = 0; round < rounds; round += 1) {
    const { places } = await discover('a.test')
    expect(places.map(({ host }) => host).sort()).toEqual(['heavy.test', 'last.test', 'light.test'])
    expect(places[2]?.host).toBe('last.test')
    if (places[0]?.host === 'heavy.test') heavyFirst += 1
    await clock.advance(6 * 60_000)
  }
  expect(heavyFirst / rounds).toBeGreaterThan(0.8)
  expect(heavyFirst / rounds).toBeLessThan(0.98)
})

test('a service "." says that there is none', async () => {
  const { discover } = setUp({}, { '_matrix-fed._tcp.a.test': [service('.', 0)] })
  expect((await discover('a.test')).places).toEqual([])
})

const minute = 60_000
const hour = 60 * minute

it.each([
  ['a day without headers', {}, 24 * hour],
  ['as long as max-age says', { 'cache-control': 'public, max-age=7200' }, 2 * hour],
  ['two days at most', { 'cache-control': 'max-age=9999999999' }, 48 * hour],
  ['five minutes at least', { 'cache-control': 'max-age=1' }, 5 * minute],
  ['no longer where it should not be kept', { 'cache-control': 'no-store, max-age=86400' }, 5 * minute],
  ['until it expires', { expires: 'Mon, 05 Jan 2026 11:00:00 GMT' }, 3 * hour],
  ['not long where that makes no sense', { expires: '0' }, 5 * minute],
])('.well-known is kept %s', async (_, headers, lasts) => {
  const url = wellKnownAt('a.test')
  const { discover, clock, asked } = setUp({ [url]: delegatesTo('b.test:1', headers) })
  const times = () => asked.filter((what) => what === url).length
  await discover('a.test')
  await clock.advance(lasts - 1)
  await discover('a.test')
  expect(times()).toBe(1)
  await clock.advance(1)
  await discover('a.test')
  expect(times()).toBe(2)
})

test('errors are kept longer each time, up to an hour, and forgotten after a success', async () => {
  const url = wellKnownAt('a.test')
  const { discover, clock, asked, documents } = setUp({})
  const pauses: number[] = []
  let last = clock.now()
  for (let step = 0; step < 400; step += 1) {
    const before = asked.filter((what) => what === url).length
    await discover('a.test')
    if (asked.filter((what) => what === url).length > before) {
      pauses.push((clock.now() - last) / minute)
      last = clock.now()
    }
    await clock.advance(minute)
  }
  expect(pauses.slice(0, 9)).toEqual([0, 1, 2, 4, 8, 16, 32, 60, 60])
  documents[url] = delegatesTo('b.test:1', { 'cache-control': 'max-age=300' })
  await clock.advance(hour)
  expect((await discover('a.test')).hostHeader).toBe('b.test:1')
  delete documents[url]
  await clock.advance(5 * minute)
  expect((await discover('a.test')).hostHeader).toBe('a.test')
  documents[url] = delegatesTo('b.test:1')
  await clock.advance(minute)
  expect((await discover('a.test')).hostHeader).toBe('b.test:1')
})

test('those who ask at the same time wait for one answer', async () => {
  const { discover, asked } = setUp({ [wellKnownAt('a.test')]: delegatesTo('b.test') })
  await Promise.all([discover('a.test'), discover('a.test'), discover('a.test')])
  expect(asked).toEqual([wellKnownAt('a.test'), '_matrix-fed._tcp.b.test', '_matrix._tcp.b.test'])
})
