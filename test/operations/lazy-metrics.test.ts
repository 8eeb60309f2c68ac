import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { createWorld } from '../support/world.ts'

const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('/prom-client/'))

test('the metrics library is loaded only by a server that is measured', async () => {
  const world = await createWorld()
  const quiet = await world.server('a.test')
  expect(quiet.app.metrics).toBeUndefined()
  expect(loaded()).toBe(false)
  const measured = await world.server('b.test', { HAUSBOTE_METRICS_LISTEN: '127.0.0.1:0' })
  expect(measured.app.metrics).toBeDefined()
  expect(loaded()).toBe(true)
})
