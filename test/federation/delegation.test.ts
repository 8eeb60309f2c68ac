import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config.ts'
import { createDiscovery } from '../../src/federation/discovery.ts'
import type { ServerName } from '../../src/matrix/identifiers.ts'
import { seededRandom } from '../support/random.ts'
import { createWorld, federating } from '../support/world.ts'

const wellKnown = '/.well-known/matrix/server'

describe('where other servers reach this one', () => {
  test('is told under its name if it was set, where clients come in', async () => {
    const world = await createWorld()
    const server = await world.server('a.test', { ...federating, HAUSBOTE_FEDERATION_ADDRESS: 'matrix.a.test:443' })
    const { status, headers, body } = await server.request('GET', wellKnown)
    expect([status, body]).toEqual([200, { 'm.server': 'matrix.a.test:443' }])
    expect(headers.get('content-type')).toMatch(/^application\/json/)
    expect((await server.federation('GET', wellKnown)).status).toBe(404)
  })

  test('is not told otherwise', async () => {
    const world = await createWorld()
    const server = await world.server('a.test', federating)
    expect((await server.request('GET', wellKnown)).status).toBe(404)
  })

  test('is where they then go', async () => {
    const world = await createWorld()
    const server = await world.server('a.test', { ...federating, HAUSBOTE_FEDERATION_ADDRESS: 'matrix.a.test:443' })
    const response = await server.app.client.request(wellKnown)
    const body = Buffer.from(await response.arrayBuffer())
    const discover = createDiscovery({
      get: async () => ({ status: response.status, headers: Object.fromEntries(response.headers), body }),
      services: async () => [],
      clock: world.clock,
      random: seededRandom('discovery'),
    })
    expect(await discover('a.test' as ServerName)).toEqual({
      places: [{ host: 'matrix.a.test', port: 443 }],
      hostHeader: 'matrix.a.test:443',
      tlsName: 'matrix.a.test',
    })
  })
})

test.each([
  ['HAUSBOTE_FEDERATION_ADDRESS', 'https://a.test'],
  ['HAUSBOTE_FEDERATION_ADDRESS', 'a.test/path'],
  ['HAUSBOTE_KEY_NOTARIES', 'a.test, not a name'],
  ['HAUSBOTE_KEY_NOTARIES', Array.from({ length: 9 }, (_, index) => `s${index}.test`).join()],
])('%s cannot be %s', (setting, text) => {
  expect(() => loadConfig({ [setting]: text })).toThrow(setting)
})

test('notaries are named with commas between them', () => {
  expect(loadConfig({ HAUSBOTE_KEY_NOTARIES: 'a.test, b.test:8448,' }).key_notaries).toEqual(['a.test', 'b.test:8448'])
})
