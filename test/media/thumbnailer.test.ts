import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, onTestFinished, test } from 'vitest'
import { createThumbnailer } from '../../src/media/thumbnailer.ts'
import { silentLog } from '../../src/platform/log.ts'
import { handMovedClock } from '../support/clock.ts'

async function setUp() {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-thumbnailer-'))
  const clock = handMovedClock()
  const thumbnailer = createThumbnailer({ timers: clock, log: silentLog })
  onTestFinished(() => {
    thumbnailer.close()
    rmSync(directory, { recursive: true })
  })
  const source = join(directory, 'picture')
  await sharp({ create: { width: 300, height: 300, channels: 3, background: 'red' } })
    .png()
    .toFile(source)
  const job = { source, size: { width: 32, height: 32, method: 'crop' }, animated: false, maxPixels: 90_000 } as const
  return { clock, thumbnailer, job }
}

test('an image that takes too long is given up, and the next one is made', async () => {
  const { clock, thumbnailer, job } = await setUp()
  const slow = thumbnailer.make(job)
  const next = thumbnailer.make(job)
  await clock.advance(10_000)
  expect(await slow).toEqual({ kind: 'too-slow' })
  expect(await next).toMatchObject({ kind: 'made', format: 'png' })
})

test('works again after it rested', async () => {
  const { clock, thumbnailer, job } = await setUp()
  expect(await thumbnailer.make(job)).toMatchObject({ kind: 'made' })
  await clock.advance(60_000)
  expect(await thumbnailer.make(job)).toMatchObject({ kind: 'made' })
})

test('pixels are limited', async () => {
  const { thumbnailer, job } = await setUp()
  expect(await thumbnailer.make({ ...job, maxPixels: 89_999 })).toEqual({ kind: 'too-large' })
})

test('a process that ends in the middle of its work is replaced', async () => {
  const { thumbnailer, job } = await setUp()
  // No number of pixels: the process does not survive it.
  const [broken, next] = [thumbnailer.make({ ...job, maxPixels: Number.NaN }), thumbnailer.make(job)]
  expect(await broken).toEqual({ kind: 'crashed' })
  expect(await next).toMatchObject({ kind: 'made' })
})

test('does not let a crowd wait', async () => {
  const { thumbnailer, job } = await setUp()
  const crowd = Array.from({ length: 34 }, () => thumbnailer.make(job))
  expect(await crowd[33]).toEqual({ kind: 'busy' })
  thumbnailer.close()
  expect(await Promise.all(crowd)).toEqual(crowd.map(() => ({ kind: 'busy' })))
  expect(await thumbnailer.make(job)).toEqual({ kind: 'busy' })
})
