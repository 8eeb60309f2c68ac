import { expect, test } from 'vitest'
import { silentLog } from '../../src/platform/log.ts'
import { lastAbsence, startPulse } from '../../src/setup/pulse.ts'
import { createPage } from './kit.ts'

test('a box that was off for long can say for how long, one that was off for a moment says nothing', async () => {
  const page = await createPage()
  const { clock } = page
  const begin = () => startPulse({ storage: page.storage, clock, timers: clock, log: silentLog })
  const pulse = await begin()
  await clock.advance(5 * 60_000)
  await page.storage.idle()
  pulse.stop()
  await clock.advance(15 * 60_000)
  ;(await begin()).stop()
  expect(lastAbsence(page.storage.reader)).toBeUndefined()
  const last = clock.now()
  await clock.advance(4 * 3_600_000)
  ;(await begin()).stop()
  expect(lastAbsence(page.storage.reader)).toEqual({ from: last, to: clock.now() })
})
