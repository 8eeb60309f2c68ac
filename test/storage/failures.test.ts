import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { handMadeSync, migrationsWith, note, notesOf, open, temporaryDirectory } from './kit.ts'

/** A file system of 2 MiB of its own, where the system lets a test have one. */
const inSmallFileSystem = (directory: string, ...command: string[]) => {
  const mountAndRun = 'mount -t tmpfs -o size=2m none "$0" && exec "$@"'
  return spawnSync('unshare', ['--map-root-user', '--mount', 'sh', '-c', mountAndRun, directory, ...command], {
    encoding: 'utf8',
  })
}
const canMount = inSmallFileSystem(import.meta.dirname, 'true').status === 0

const setMaxPages = (pages: number) => (tx: { raw: { pragma(text: string): unknown } }) =>
  void tx.raw.pragma(`max_page_count = ${pages}`)

test('a sync that fails rejects everything under way, tells the process, and lets nothing more in', async () => {
  const disk = handMadeSync()
  const storage = open({ sync: disk.sync })
  const undone: number[] = []
  const write = (id: number) =>
    storage.write((tx) => {
      note(tx, id)
      tx.whenUndone(() => undone.push(id))
    })
  const first = [write(1), write(2)]
  await disk.asked()
  const second = write(3)
  disk.fail('the disk is gone')
  const results = await Promise.allSettled([...first, second])
  for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: { kind: 'unsafe' } })
  expect(undone).toEqual([3, 2, 1])
  expect(storage.fatal).toHaveLength(1)
  expect(storage.fatal[0]).toMatchObject({ kind: 'unsafe', cause: { message: 'the disk is gone' } })
  await expect(write(4)).rejects.toMatchObject({ kind: 'unsafe' })
  expect(notesOf(storage.reader)).toEqual([])
})

test('a full disk rejects writes, reads go on, and writes work again when there is space', async () => {
  const storage = open()
  await storage.write((tx) => note(tx, 1))
  const pages = storage.reader.raw.pragma('page_count', { simple: true }) as number
  await storage.write(setMaxPages(pages))
  const undone: number[] = []
  const positions: number[] = []
  const results = await Promise.allSettled([
    storage.write((tx) => {
      note(tx, 2)
      positions.push(tx.nextPosition())
      tx.whenUndone(() => undone.push(2))
    }),
    storage.write((tx) => {
      tx.whenUndone(() => undone.push(3))
      note(tx, 3, 'x'.repeat(100_000))
    }),
  ])
  expect(results[1]).toMatchObject({ status: 'rejected', reason: { kind: 'full' } })
  expect(undone).toContain(3)
  expect(notesOf(storage.reader)).toEqual(results[0]?.status === 'fulfilled' ? [1, 2] : [1])
  expect(undone.includes(2)).toBe(results[0]?.status === 'rejected')
  expect(storage.fatal).toEqual([])
  await storage.write(setMaxPages(1_000_000))
  const next = await storage.write((tx) => {
    note(tx, 4, 'x'.repeat(100_000))
    return tx.nextPosition()
  })
  expect(next).toBeGreaterThan(positions[0] ?? 0)
  expect(notesOf(storage.reader)).toContain(4)
})

test.skipIf(!canMount)('the same on a file system that is really full', () => {
  const mounted = temporaryDirectory()
  const program = join(import.meta.dirname, 'fill-disk.ts')
  const run = inSmallFileSystem(mounted, process.execPath, program, join(mounted, 'data'), migrationsWith())
  expect(run.stderr).toBe('')
  const { answered, ...rest } = JSON.parse(run.stdout)
  expect(answered).toBeGreaterThan(20)
  expect(rest).toEqual({
    refusal: 'full',
    whenFull: answered,
    again: 'full',
    afterwards: 'written',
    atLast: answered + 1,
    fatal: [],
  })
})

test('a write whose transaction the disk took back as a whole rejects every write of the group', async () => {
  const storage = open()
  const results = await Promise.allSettled([
    storage.write((tx) => note(tx, 1)),
    storage.write((tx) => {
      note(tx, 2)
      // What SQLite does by itself on an input or output error.
      tx.raw.exec('ROLLBACK')
      throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_WRITE' })
    }),
  ])
  for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: { kind: 'unsafe' } })
  expect(notesOf(storage.reader)).toEqual([])
  expect(storage.fatal).toHaveLength(1)
})
