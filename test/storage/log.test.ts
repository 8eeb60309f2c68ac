import { spawnSync } from 'node:child_process'
import { copyFileSync, fstatSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemTimers } from '../../src/platform/clock.ts'
import { note, notesOf, type OpenStorage, open, temporaryDirectory } from './kit.ts'

/** Copies database and log by another process: closing the file here would take SQLite's locks away. */
function copyFiles(storage: OpenStorage): string {
  const target = temporaryDirectory()
  const files = ['hausbote.db', 'hausbote.db-wal'].map((name) => join(storage.directory, name))
  const copied = spawnSync('cp', [...files, target], { encoding: 'utf8' })
  if (copied.status !== 0) throw new Error(copied.stderr)
  return target
}

test('whatever the end of the log looks like after a power cut, everything answered before is there', async () => {
  const storage = open()
  await Promise.all(Array.from({ length: 20 }, (_, index) => storage.write((tx) => note(tx, index + 1, 'x'.repeat(300)))))
  for (let id = 21; id <= 40; id += 1) await storage.write((tx) => note(tx, id))
  const answered = notesOf(storage.reader)
  expect(answered).toHaveLength(40)
  const durableBytes = storage.logBytes
  // Further writes lie in the log, and were answered to nobody.
  const slow = Promise.all(
    Array.from({ length: 30 }, (_, index) => storage.write((tx) => note(tx, 41 + index, 'y'.repeat(2000)))),
  )
  await new Promise((resolve) => setImmediate(resolve))
  const crashed = copyFiles(storage)
  await slow
  const whole = readFileSync(join(crashed, 'hausbote.db-wal'))
  expect(whole.length).toBeGreaterThan(durableBytes + 10_000)

  const recover = async (log: Uint8Array) => {
    const directory = temporaryDirectory()
    copyFileSync(join(crashed, 'hausbote.db'), join(directory, 'hausbote.db'))
    writeFileSync(join(directory, 'hausbote.db-wal'), log)
    const again = open({ directory, migrations: storage.migrations })
    const found = notesOf(again.reader)
    expect(found.slice(0, 40)).toEqual(answered)
    expect([40, 70]).toContain(found.length)
    expect(again.reader.raw.pragma('integrity_check', { simple: true })).toBe('ok')
    await again.write((tx) => note(tx, 1000))
    await again.close()
    return found.length
  }
  const tail = whole.length - durableBytes
  for (const part of [0, 1, 23, 24, 25, 4119, 4120, 4121, Math.floor(tail / 2), tail - 1]) {
    const cut = durableBytes + part
    expect(await recover(whole.subarray(0, cut))).toBe(40)
    // What was not yet on disk may be anything: zeros, noise, or the later half without the earlier.
    const zeroed = Buffer.from(whole)
    zeroed.fill(0, cut)
    expect(await recover(zeroed)).toBe(40)
    const garbled = Buffer.from(whole)
    for (let index = cut; index < Math.min(cut + 512, whole.length); index += 1) garbled[index] = (garbled[index] ?? 0) ^ 0x5a
    expect(await recover(garbled)).toBe(40)
  }
  expect(await recover(whole)).toBe(70)
}, 60_000)

test('a log cut before what was answered would be noticed by this test', async () => {
  const storage = open()
  for (let id = 1; id <= 10; id += 1) await storage.write((tx) => note(tx, id))
  const crashed = copyFiles(storage)
  truncateSync(join(crashed, 'hausbote.db-wal'), storage.logBytes - 1)
  const again = open({ directory: crashed, migrations: storage.migrations })
  expect(notesOf(again.reader)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('the log begins anew under load, stays bounded, and loses nothing', async () => {
  const restartPages = 64
  const timers = { after: (delay: number, callback: () => void) => systemTimers.after(Math.min(delay, 5), callback) }
  const storage = open({ checkpoints: true, restartPages, timers })
  const { directory, migrations } = storage
  let largest = 0
  let written = 0
  let databaseBytes = 0
  // However slow the thread is today: at some time the log stops growing, while the database goes on.
  for (let round = 0; round < 4000 && databaseBytes < Math.max(3_000_000, 3 * largest); round += 1) {
    const writes = Array.from({ length: 5 }, () => {
      written += 1
      const id = written
      return storage.write((tx) => note(tx, id, 'x'.repeat(1500)))
    })
    await Promise.all(writes)
    largest = Math.max(largest, storage.logBytes)
    databaseBytes = (storage.reader.raw.pragma('page_count', { simple: true }) as number) * 4096
    if (round % 100 === 0) expect(notesOf(storage.reader)).toHaveLength(written)
  }
  expect(databaseBytes).toBeGreaterThanOrEqual(3 * largest)
  const held = notesOf(storage.reader)
  expect(held).toHaveLength(written)
  await storage.close()
  expect(notesOf(open({ directory, migrations }).reader)).toEqual(held)
}, 60_000)

test('a copy of the data is consistent and complete, while others write', async () => {
  const storage = open({ sync: async () => undefined })
  await storage.write((tx) => {
    for (let id = 1; id <= 2000; id += 1) note(tx, id, 'x'.repeat(3000))
  })
  const target = join(temporaryDirectory(), 'hausbote.db')
  let copying = true
  const copied = storage.backup(target).then(() => {
    copying = false
  })
  let id = 2000
  let during = 0
  while (copying) {
    id += 2
    during += 1
    const [even, odd] = [id, id + 1]
    await storage.write((tx) => {
      note(tx, even)
      note(tx, odd)
    })
  }
  await copied
  expect(during).toBeGreaterThan(3)
  const directory = temporaryDirectory()
  copyFileSync(target, join(directory, 'hausbote.db'))
  const copy = open({ directory, migrations: storage.migrations })
  const found = notesOf(copy.reader)
  expect(found.slice(0, 2000)).toHaveLength(2000)
  expect(found.length % 2).toBe(0)
  expect(copy.reader.raw.pragma('integrity_check', { simple: true })).toBe('ok')
})

test('the default sync is given the log itself', async () => {
  let synced: number | undefined
  const storage = open({
    async sync(descriptor) {
      synced = fstatSync(descriptor).ino
    },
  })
  await storage.write((tx) => note(tx, 1))
  expect(synced).toBe(fstatSync(openSync(join(storage.directory, 'hausbote.db-wal'), 'r')).ino)
})
