import { expect, test } from 'vitest'
import { createDiskGovernor, type DiskSpace } from '../../src/operations/disk.ts'
import { type DiskDay, forecastDays } from '../../src/operations/disk-days.ts'
import { refuseWhenReadOnly } from '../../src/operations/read-only.ts'
import { capturedLog } from '../support/log.ts'
import { createWorld } from '../support/world.ts'

const gigabyte = 1024 ** 3
const megabyte = 1024 ** 2

const day = (number: number, bytes: number): DiskDay => ({ day: number, databaseBytes: bytes, mediaBytes: bytes, freeBytes: 0 })

test.each([
  ['steady growth', [day(0, 0), day(1, 50), day(2, 100), day(3, 150), day(4, 200)], 1000, 10],
  ['one day of much is no trend', [0, 50, 100, 150, 200, 250, 90_300].map((bytes, index) => day(index, bytes)), 1000, 10],
  ['days without a look', [day(0, 0), day(10, 500)], 1000, 10],
  ['nothing grows', [day(0, 100), day(5, 100)], 1000, undefined],
  ['it shrinks', [day(0, 100), day(5, 10)], 1000, undefined],
  ['too few days', [day(0, 0), day(1, 50)], 1000, undefined],
  ['no day', [], 1000, undefined],
  ['nothing is left', [day(0, 0), day(5, 50)], -5, 0],
])('forecast: %s', (_, days, available, expected) => {
  expect(forecastDays(days, available)).toBe(expected)
})

async function kit(remoteMedia = 0) {
  const world = await createWorld()
  const server = await world.server('a.test')
  const disk: DiskSpace = { totalBytes: 64 * gigabyte, freeBytes: 32 * gigabyte }
  let space = disk
  let cached = remoteMedia
  const { log, lines } = capturedLog()
  const governor = createDiskGovernor({
    storage: server.app.storage,
    directory: server.directory,
    clock: world.clock,
    log,
    async shrinkRemoteMedia(bytes) {
      const freed = Math.min(bytes, cached)
      cached -= freed
      space = { ...space, freeBytes: space.freeBytes + freed }
      return freed
    },
    space: async () => space,
  })
  return {
    ...{ world, server, governor, lines },
    get cached() {
      return cached
    },
    free(bytes: number) {
      space = { ...disk, freeBytes: bytes }
      return governor.look()
    },
  }
}

test('a disk with room is fine, one without is warned of, a full one takes nothing in until there is room again', async () => {
  const { governor, free, lines } = await kit()
  expect(governor.state()).toBeUndefined()
  expect(await free(32 * gigabyte)).toMatchObject({ state: 'ok', freeBytes: 32 * gigabyte, forecastDays: undefined })
  expect((await free(6 * gigabyte)).state).toBe('warn')
  expect([(await free(1023 * megabyte)).state, governor.readOnly]).toEqual(['read-only', true])
  expect(lines).toMatchObject([{ level: 50, freeBytes: 1023 * megabyte }])
  // Just above the line is not enough, or it would go to and fro.
  expect((await free(1025 * megabyte)).state).toBe('read-only')
  expect([(await free(1300 * megabyte)).state, governor.readOnly]).toEqual(['warn', false])
  expect(lines).toHaveLength(2)
})

test('copies of what others have go first', async () => {
  const full = await kit(10 * gigabyte)
  expect(await full.free(500 * megabyte)).toMatchObject({ state: 'warn', freeBytes: 4 * gigabyte })
  expect(full.cached).toBeCloseTo(10 * gigabyte - (4 * gigabyte - 500 * megabyte))
  const little = await kit(100 * megabyte)
  expect(await little.free(500 * megabyte)).toMatchObject({ state: 'read-only', freeBytes: 600 * megabyte })
})

test('sizes are kept by day, and a forecast warns in time', async () => {
  const { world, governor, free, server } = await kit()
  const sizes = governor.jobs.find(({ name }) => name === 'disk sizes')
  await sizes?.run(new AbortController().signal)
  const alice = await server.register('alice')
  for (let count = 0; count < 5; count += 1) {
    await alice.request('POST', '/_matrix/media/v3/upload', new Uint8Array(3 * megabyte).fill(count))
    await world.clock.advance(24 * 60 * 60 * 1000)
    await sizes?.run(new AbortController().signal)
  }
  const { forecastDays: days, mediaBytes, state } = await free(32 * gigabyte)
  expect(mediaBytes).toBe(15 * megabyte)
  expect(state).toBe('ok')
  expect(days).toBeGreaterThan(5000)
  expect(days).toBeLessThan(11_000)
})

test('a server that is read-only can be read, signed in to and out of, and tidied, and says so to all else', async () => {
  const world = await createWorld()
  const server = await world.server('a.test')
  let readOnly = false
  const endpoints = refuseWhenReadOnly(server.app.endpoints, () => readOnly)
  const changed = endpoints.filter((endpoint, index) => endpoint.handle !== server.app.endpoints[index]?.handle)
  const names = changed.map(({ method, path }) => `${method} ${path}`)
  expect(names).toContain('PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}')
  expect(names).toContain('POST /_matrix/media/v3/upload')
  expect(names).toContain('POST /_matrix/client/v3/register')
  expect(names).toContain('POST /_matrix/client/v3/createRoom')
  expect(names).not.toContain('POST /_matrix/client/v3/login')
  expect(names).not.toContain('POST /_matrix/client/v3/rooms/{roomId}/leave')
  expect(names).not.toContain('PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}')
  expect(names.filter((name) => /^(GET|DELETE)/.test(name))).toEqual([])
  const versions = endpoints.find(({ path }) => path === '/_matrix/client/v3/createRoom')
  readOnly = true
  expect(() => versions?.handle({} as never)).toThrow('hardly any space left')
})
