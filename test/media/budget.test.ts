import sharp from 'sharp'
import { expect, test } from 'vitest'
import { remoteMediaBytes } from '../../src/media/remote-store.ts'
import { createTrimming } from '../../src/media/trimming.ts'
import type { TestServer, TestUser } from '../support/world.ts'
import { download, remoteFilesIn, upload } from './kit.ts'
import { facing, multipart, twoServers } from './remote-kit.ts'

const minute = 60_000
const place = (name: string) => download(`peer.test/${name}`)

/** A partner whose media have 1000 bytes each, all different, and a server that keeps 3500 bytes. */
const partner = () =>
  facing((request) => multipart(`${new URL(request.url).pathname.split('/').at(-1)}`.padEnd(1000, '.')), {
    HAUSBOTE_REMOTE_MEDIA_CACHE_BYTES: '3500',
  })

async function fetched(user: TestUser, ...names: string[]): Promise<void> {
  for (const name of names) expect((await user.request('GET', place(name))).status).toBe(200)
}

const run = (server: TestServer) => server.app.operations.jobs.run('remote media')

test('what was not used for longest goes first, once the budget is spent', async () => {
  const { world, a, alice, asked } = await partner()
  for (const name of ['one', 'two', 'three']) {
    await fetched(alice, name)
    await world.clock.advance(20 * minute)
  }
  await fetched(alice, 'one')
  await a.settled()
  await world.clock.advance(minute)
  await fetched(alice, 'four')
  await expect.poll(() => remoteFilesIn(a, 'contents')).toHaveLength(3)
  const before = asked().length
  await fetched(alice, 'one', 'three', 'four')
  expect(asked()).toHaveLength(before)
  await fetched(alice, 'two')
  expect(asked()).toHaveLength(before + 1)
})

test('what is used at the moment stays until the job comes by', async () => {
  const { world, a, alice } = await partner()
  await fetched(alice, 'one', 'two', 'three', 'four', 'five')
  expect(remoteFilesIn(a, 'contents')).toHaveLength(5)
  expect(await run(a)).toMatchObject({ result: 'done', detail: { removed: 0, bytes: 0 } })
  await world.clock.advance(2 * minute)
  expect(await run(a)).toMatchObject({ result: 'done', detail: { removed: 2, bytes: 2000 } })
  await expect.poll(() => remoteFilesIn(a, 'contents')).toHaveLength(3)
  await a.restart()
  expect(remoteFilesIn(a, 'contents')).toHaveLength(3)
  expect(await run(a)).toMatchObject({ detail: { removed: 0 } })
})

test('where the disk is short of space, as much goes as is needed, though the budget is not spent', async () => {
  const { world, a, alice } = await partner()
  await fetched(alice, 'one', 'two')
  await world.clock.advance(2 * minute)
  const removed: number[] = []
  const contents = { removeUnreferenced: () => removed.push(remoteMediaBytes(a.app.storage.reader)) } as never
  const trimming = createTrimming({ storage: a.app.storage, contents, clock: world.clock }, 1_000_000)
  expect([trimming.due(), await trimming.trim()]).toEqual([false, { removed: 0, bytes: 0 }])
  expect(await trimming.shrink(500)).toBe(1000)
  expect(removed).toEqual([1000])
  expect(await trimming.shrink(5000)).toBe(1000)
})

test('the same content under two names is one file, until both are gone', async () => {
  const { world, a, alice } = await facing(() => multipart('.'.repeat(1000)), { HAUSBOTE_REMOTE_MEDIA_CACHE_BYTES: '1000' })
  await fetched(alice, 'one')
  await world.clock.advance(minute)
  await fetched(alice, 'two')
  expect(remoteFilesIn(a, 'contents')).toHaveLength(1)
  expect((await alice.request('GET', place('two'))).status).toBe(200)
})

test('thumbnails count, and go with what they show', async () => {
  const { world, a, alice, bob } = await twoServers({ HAUSBOTE_REMOTE_MEDIA_CACHE_BYTES: '1000' })
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const
  const picture = sharp({ create: { width: 800, height: 600, channels: 3, background: 'red', noise } })
  const bytes = await picture.png().toBuffer()
  const path = await upload(bob, bytes, { type: 'image/png' })
  const thumbnail = `/_matrix/client/v1/media/thumbnail/${path}?width=96&height=96&method=crop`
  const { status, headers } = await alice.request('GET', thumbnail)
  expect(status).toBe(200)
  const all = bytes.length + Number(headers.get('content-length'))
  expect(remoteFilesIn(a, 'thumbnails')).toHaveLength(1)
  await world.clock.advance(2 * minute)
  expect(await run(a)).toMatchObject({ detail: { removed: 1, bytes: all } })
  await expect.poll(() => remoteFilesIn(a, 'thumbnails')).toEqual([])
  expect(remoteFilesIn(a, 'contents')).toEqual([])
})
