import { expect, test } from 'vitest'
import { handMadeSync, note, open } from './kit.ts'

test('the clock of a fresh database begins at 1, and goes on by one', async () => {
  const storage = open()
  expect(storage.reader.position).toBe(1)
  const [a, b] = await storage.write((tx) => [tx.nextPosition(), tx.nextPosition(), tx.position])
  expect([a, b]).toEqual([2, 3])
  expect(storage.reader.position).toBe(3)
})

test('readers reach a position only when what has it is on disk', async () => {
  const disk = handMadeSync()
  const storage = open({ sync: disk.sync })
  const write = (id: number) =>
    storage.write((tx) => {
      note(tx, id)
      return tx.nextPosition()
    })
  const first = write(1)
  await disk.asked()
  const second = write(2)
  expect(storage.reader.position).toBe(1)
  disk.finish()
  expect(await first).toBe(2)
  expect(storage.reader.position).toBe(2)
  await disk.asked()
  disk.finish()
  expect(await second).toBe(3)
  expect(storage.reader.position).toBe(3)
})

test('no position comes twice: not after an undone write, not after a restart, not if nothing was stored under it', async () => {
  const given = new Set<number>()
  const take = (tx: { nextPosition(): number }) => {
    const position = tx.nextPosition()
    expect(given.has(position)).toBe(false)
    given.add(position)
    return position
  }
  const storage = open()
  const { directory, migrations } = storage
  await storage.write(take)
  await expect(
    storage.write((tx) => {
      for (let count = 0; count < 1500; count += 1) take(tx)
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  for (let count = 0; count < 20; count += 1) await storage.write(take)
  await storage.close()
  let last = Math.max(...given)
  for (let restart = 0; restart < 3; restart += 1) {
    const again = open({ directory, migrations })
    expect(again.reader.position).toBeGreaterThanOrEqual(last)
    last = await again.write(take)
    for (let count = 0; count < 1001; count += 1) last = await again.write(take)
    await again.close()
  }
})

test('a reservation that was lost with the group of its write is made again', async () => {
  const storage = open()
  const { directory, migrations } = storage
  await expect(
    storage.write((tx) => {
      tx.nextPosition()
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  const shown = await storage.write((tx) => tx.nextPosition())
  await storage.close()
  expect(open({ directory, migrations }).reader.position).toBeGreaterThanOrEqual(shown)
})
