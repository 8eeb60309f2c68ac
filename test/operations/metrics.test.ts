import { expect, test } from 'vitest'
import { createMetrics } from '../../src/operations/metrics.ts'
import { silentLog } from '../../src/platform/log.ts'
import { handMadeSync, note, open, turn } from '../storage/kit.ts'
import { handMovedClock } from '../support/clock.ts'
import { createWorld } from '../support/world.ts'

function measured() {
  const disk = handMadeSync()
  const clock = handMovedClock()
  const storage = open({ sync: disk.sync, timers: clock })
  const metrics = createMetrics({ storage, clock, timers: clock, log: silentLog })
  const read = async () => (await metrics.app.request('/metrics')).text()
  const health = async () => {
    const response = await metrics.app.request('/health')
    return { status: response.status, body: await response.json() }
  }
  return { disk, clock, storage, metrics, read, health }
}

/** The value of the one line that begins so. */
function seriesValue(text: string, series: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(`${series} `))
  expect(lines).toHaveLength(1)
  return Number(lines[0]?.slice(series.length))
}

test('counts answers by method, template and status, and measures them in seconds', async () => {
  const { metrics, read } = measured()
  metrics.observe('GET', '/sync', 200, 30)
  metrics.observe('GET', '/sync', 200, 400)
  metrics.observe('GET', '/sync', 401, 1)
  for (const method of ['BREW', 'MKCOL']) metrics.observe(method, '*', 404, -5)
  const text = await read()
  expect(seriesValue(text, 'http_requests_total{method="GET",path="/sync",status="200"}')).toBe(2)
  expect(seriesValue(text, 'http_requests_total{method="GET",path="/sync",status="401"}')).toBe(1)
  expect(seriesValue(text, 'http_requests_total{method="other",path="*",status="404"}')).toBe(2)
  expect(seriesValue(text, 'http_request_duration_seconds_bucket{le="0.05",method="GET",path="/sync"}')).toBe(2)
  expect(seriesValue(text, 'http_request_duration_seconds_bucket{le="0.5",method="GET",path="/sync"}')).toBe(3)
  expect(seriesValue(text, 'http_request_duration_seconds_sum{method="GET",path="/sync"}')).toBeCloseTo(0.431)
  expect(seriesValue(text, 'process_resident_memory_bytes')).toBeGreaterThan(1_000_000)
})

test('shows position, waiting syncs and the size of the log as they are now', async () => {
  const { disk, storage, read } = measured()
  const controller = new AbortController()
  const wait = storage.waiters.wait(['room/1'], 60_000, controller.signal)
  const written = storage.write((tx) => {
    note(tx, 1)
    return tx.nextPosition()
  })
  await disk.asked()
  expect(seriesValue(await read(), 'hausbote_position')).toBe(1)
  disk.finish()
  const position = await written
  const text = await read()
  expect(seriesValue(text, 'hausbote_position')).toBe(position)
  expect(seriesValue(text, 'hausbote_waiting_syncs')).toBe(1)
  expect(seriesValue(text, 'hausbote_wal_bytes')).toBe(storage.logBytes)
  expect(storage.logBytes).toBeGreaterThan(4096)
  controller.abort()
  await wait
  expect(seriesValue(await read(), 'hausbote_waiting_syncs')).toBe(0)
})

test('is healthy once a write has reached the disk, and asks the disk again only after a while', async () => {
  const { disk, clock, health } = measured()
  const first = health()
  await disk.asked()
  const second = health()
  await turn()
  expect(disk.waiting).toBe(1)
  disk.finish()
  expect(await Promise.all([first, second])).toEqual([
    { status: 200, body: { status: 'ok' } },
    { status: 200, body: { status: 'ok' } },
  ])
  await clock.advance(4999)
  expect((await health()).status).toBe(200)
  expect(disk.waiting).toBe(0)
  await clock.advance(1)
  const later = health()
  await disk.asked()
  disk.finish()
  expect((await later).status).toBe(200)
})

test('is not healthy while the disk takes longer than 2 seconds, and again when it is done', async () => {
  const { disk, clock, health } = measured()
  const slow = health()
  await disk.asked()
  await clock.advance(2000)
  expect(await slow).toEqual({ status: 503, body: { status: 'failing', problem: 'slow' } })
  const still = health()
  await turn()
  expect(disk.waiting).toBe(1)
  await clock.advance(2000)
  expect((await still).status).toBe(503)
  disk.finish()
  await turn()
  expect((await health()).status).toBe(200)
})

test('says what is wrong with the disk', async () => {
  const { disk, health } = measured()
  const failing = health()
  await disk.asked()
  disk.fail('gone')
  expect(await failing).toEqual({ status: 503, body: { status: 'failing', problem: 'unsafe' } })
  expect((await health()).status).toBe(503)
})

test('the server measures its own answers, without anything of what stands in their paths', async () => {
  const world = await createWorld()
  const server = await world.server('a.test', { HAUSBOTE_METRICS_LISTEN: '127.0.0.1:0' })
  const alice = await server.register('alice')
  await alice.request('GET', '/_matrix/client/v3/profile/@alice:a.test')
  await server.request('GET', '/nowhere/alice')
  const response = await server.app.metrics?.request('/metrics')
  expect(response?.headers.get('content-type')).toContain('text/plain')
  const text = (await response?.text()) ?? ''
  expect(seriesValue(text, 'http_requests_total{method="POST",path="/_matrix/client/v3/register",status="200"}')).toBe(1)
  expect(seriesValue(text, 'http_requests_total{method="GET",path="*",status="404"}')).toBe(1)
  expect(text).not.toContain('alice')
  expect((await server.app.metrics?.request('/health'))?.status).toBe(200)
  expect((await server.app.client.request('/metrics')).status).toBe(404)
})
