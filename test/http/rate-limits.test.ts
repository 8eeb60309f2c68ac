import { expect, test } from 'vitest'
import { endpoint, type RateLimit } from '../../src/http/endpoint.ts'
import { networkOf } from '../../src/http/network.ts'
import { createRateLimits } from '../../src/http/rate-limits.ts'
import { handMovedClock } from '../support/clock.ts'
import { answerOf, mounted } from './kit.ts'

const byAddress: RateLimit = { name: 'login', by: 'address', burst: 2, perSecond: 0.5 }
const byUser: RateLimit = { name: 'send', by: 'user', burst: 1, perSecond: 1 }

function limited() {
  const server = mounted(
    [
      endpoint({ method: 'GET', path: '/login', auth: 'none', rateLimit: byAddress, handle: () => ({}) }),
      endpoint({ method: 'GET', path: '/register', auth: 'none', rateLimit: byAddress, handle: () => ({}) }),
      endpoint({ method: 'GET', path: '/send', auth: 'session', rateLimit: byUser, handle: () => ({}) }),
    ],
    (clock) => ({ rateLimits: createRateLimits(clock) }),
  )
  const from = async (remoteAddress: string, path: string) =>
    answerOf(await server.app.request(path, {}, { incoming: { socket: { remoteAddress } } }))
  return { ...server, from }
}

test('what is too much is M_LIMIT_EXCEEDED and says when to come again, which is then true', async () => {
  const { clock, from } = limited()
  expect((await from('192.0.2.1', '/login')).status).toBe(200)
  expect((await from('192.0.2.1', '/login')).status).toBe(200)
  const refused = await from('192.0.2.1', '/login')
  expect(refused).toMatchObject({ status: 429, body: { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 2000 } })
  expect(refused.headers.get('retry-after')).toBe('2')
  expect(refused.headers.get('access-control-allow-origin')).toBe('*')
  await clock.advance(1999)
  const early = await from('192.0.2.1', '/login')
  expect(early).toMatchObject({ status: 429, body: { retry_after_ms: 1 } })
  expect(early.headers.get('retry-after')).toBe('1')
  await clock.advance(1)
  expect((await from('192.0.2.1', '/login')).status).toBe(200)
  expect((await from('192.0.2.1', '/login')).status).toBe(429)
})

test('a bucket holds no more than its burst, however long nobody came', async () => {
  const { clock, from } = limited()
  await from('192.0.2.1', '/login')
  await clock.advance(1_000_000)
  const statuses = []
  for (let count = 0; count < 3; count += 1) statuses.push((await from('192.0.2.1', '/login')).status)
  expect(statuses).toEqual([200, 200, 429])
})

test('addresses are limited each for itself, IPv6 by network, and endpoints of one name together', async () => {
  const { from } = limited()
  expect((await from('2001:db8::1', '/login')).status).toBe(200)
  expect((await from('2001:db8::ffff:2', '/register')).status).toBe(200)
  expect((await from('2001:db8:0:0:1::3', '/login')).status).toBe(429)
  expect((await from('2001:db8:0:1::1', '/login')).status).toBe(200)
  expect((await from('192.0.2.1', '/login')).status).toBe(200)
})

test('users are limited by user, after their token was seen', async () => {
  const { request } = limited()
  const headers = { authorization: 'Bearer good' }
  expect((await request('GET', '/send')).status).toBe(401)
  expect((await request('GET', '/send', { headers })).status).toBe(200)
  expect((await request('GET', '/send', { headers })).status).toBe(429)
})

test('a clock that was set back locks nobody out', () => {
  let now = 1_000_000
  const limits = createRateLimits({ now: () => now })
  expect(limits.take(byUser, 'a')).toBe(0)
  now -= 500_000
  expect(limits.take(byUser, 'a')).toBe(1000)
  now += 1000
  expect(limits.take(byUser, 'a')).toBe(0)
})

test('the memory for buckets is bounded', () => {
  const limits = createRateLimits(handMovedClock())
  expect(limits.take(byUser, 'first')).toBe(0)
  for (let count = 0; count < 9_999; count += 1) limits.take(byUser, `other ${count}`)
  expect(limits.take(byUser, 'first')).toBeGreaterThan(0)
  for (let count = 0; count < 10_000; count += 1) limits.take(byUser, `further ${count}`)
  // Its bucket had to go, and is full again.
  expect(limits.take(byUser, 'first')).toBe(0)
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:0DB8:0001:0002:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', ''],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
