import { expect, test } from 'vitest'
import { handMadeSync, note, notesOf, open, turn, watch } from './kit.ts'

test('readers see a write, and its writer is answered, only when it is on disk', async () => {
  const disk = handMadeSync()
  const storage = open({ sync: disk.sync })
  const written = storage.write((tx) => {
    note(tx, 1)
    return notesOf(tx)
  })
  const state = watch(written)
  await disk.asked()
  await turn()
  expect(state.state).toBe('pending')
  expect(notesOf(storage.reader)).toEqual([])
  disk.finish()
  expect(await written).toEqual([1])
  expect(notesOf(storage.reader)).toEqual([1])
})

test('writes of one turn share one sync; those that come meanwhile share the next', async () => {
  const disk = handMadeSync()
  const storage = open({ sync: disk.sync })
  const order: number[] = []
  const write = (id: number) => storage.write((tx) => note(tx, id)).then(() => order.push(id))
  const first = [write(1), write(2)]
  await disk.asked()
  const second = [write(3), write(4)]
  await turn()
  expect(disk.waiting).toBe(1)
  disk.finish()
  await Promise.all(first)
  expect(notesOf(storage.reader)).toEqual([1, 2])
  await disk.asked()
  expect(order).toEqual([1, 2])
  disk.finish()
  await Promise.all(second)
  expect(order).toEqual([1, 2, 3, 4])
  expect(notesOf(storage.reader)).toEqual([1, 2, 3, 4])
  expect(disk.waiting).toBe(0)
})

test('reads go on while the disk takes its time', async () => {
  const disk = handMadeSync()
  const storage = open({ sync: disk.sync })
  const first = storage.write((tx) => note(tx, 1))
  await disk.asked()
  disk.finish()
  await first
  const slow = storage.write((tx) => note(tx, 2))
  await disk.asked()
  const more = storage.write((tx) => note(tx, 3))
  for (let read = 0; read < 100; read += 1) expect(notesOf(storage.reader)).toEqual([1])
  expect(disk.waiting).toBe(1)
  disk.finish()
  await slow
  await disk.asked()
  disk.finish()
  await more
})

test('a write that changes nothing needs no disk', async () => {
  const disk = handMadeSync()
  const storage = open({ sync: disk.sync })
  expect(await storage.write((tx) => notesOf(tx).length)).toBe(0)
  expect(disk.waiting).toBe(0)
})

test('but it waits for the write before it, whose changes it has seen', async () => {
  const disk = handMadeSync()
  const storage = open({ sync: disk.sync })
  const first = storage.write((tx) => note(tx, 1))
  await disk.asked()
  const look = storage.write((tx) => notesOf(tx))
  const state = watch(look)
  await turn()
  expect(state.state).toBe('pending')
  disk.finish()
  await first
  expect(await look).toEqual([1])
})

test('a write that throws is undone alone', async () => {
  const storage = open()
  const results = await Promise.allSettled([
    storage.write((tx) => note(tx, 1)),
    storage.write((tx) => {
      note(tx, 2)
      throw new Error('changed my mind')
    }),
    storage.write((tx) => note(tx, 1)),
    storage.write((tx) => note(tx, 3)),
  ])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
  expect(results[1]).toMatchObject({ reason: { message: 'changed my mind' } })
  expect(results[2]).toMatchObject({ reason: { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' } })
  expect(notesOf(storage.reader)).toEqual([1, 3])
})

test('whenVisible runs after the disk and before the answer, whenUndone only for what is undone', async () => {
  const disk = handMadeSync()
  const storage = open({ sync: disk.sync })
  const order: string[] = []
  const kept = storage.write((tx) => {
    note(tx, 1)
    tx.whenVisible(() => order.push(`visible ${notesOf(storage.reader)}`))
    tx.whenUndone(() => order.push('undone, though it was kept'))
  })
  const undone = storage.write((tx) => {
    tx.whenVisible(() => order.push('visible, though it was undone'))
    tx.whenUndone(() => order.push('first of the undone'))
    tx.whenUndone(() => order.push('last of the undone'))
    throw new Error('no')
  })
  await expect(undone).rejects.toThrow('no')
  expect(order).toEqual(['last of the undone', 'first of the undone'])
  await disk.asked()
  expect(order).toHaveLength(2)
  disk.finish()
  await kept.then(() => order.push('answered'))
  expect(order.slice(2)).toEqual(['visible 1', 'answered'])
})

test('wakes only once the write is on disk, and not for a write that is undone', async () => {
  const disk = handMadeSync()
  const storage = open({ sync: disk.sync })
  const wait = (key: 'user/@a:x' | 'user/@b:x') => storage.waiters.wait([key], 60_000, undefined)
  const woken = wait('user/@a:x')
  const left = watch(wait('user/@b:x'))
  const state = watch(woken)
  const kept = storage.write((tx) => {
    note(tx, 1)
    tx.wake('user/@a:x')
  })
  const undone = storage.write((tx) => {
    tx.wake('user/@b:x')
    throw new Error('no')
  })
  await expect(undone).rejects.toThrow('no')
  await disk.asked()
  await turn()
  expect(state.state).toBe('pending')
  disk.finish()
  await kept
  expect(await woken).toBe('woken')
  expect(left.state).toBe('pending')
})

test('refuses a write inside a write, an asynchronous one, and a writer kept beyond its write', async () => {
  const storage = open()
  let inner: Promise<void> | undefined
  const kept = await storage.write((tx) => {
    inner = expect(storage.write(() => undefined)).rejects.toThrow('a write inside a write')
    note(tx, 1)
    return tx
  })
  await inner
  await expect(storage.write(async (tx) => note(tx, 2))).rejects.toThrow('synchronous')
  expect(() => kept.nextPosition()).toThrow('after its write')
  expect(() => kept.wake('room/1')).toThrow('after its write')
  await storage.write((tx) => note(tx, 3))
  expect(notesOf(storage.reader)).toEqual([1, 3])
})

test('close finishes what is under way and refuses what comes later', async () => {
  const disk = handMadeSync()
  const storage = open({ sync: disk.sync })
  const first = storage.write((tx) => note(tx, 1))
  await disk.asked()
  const second = storage.write((tx) => note(tx, 2))
  const poll = storage.waiters.wait(['room/1'], 60_000, undefined)
  const closed = storage.close()
  const late = storage.write((tx) => note(tx, 3))
  await expect(late).rejects.toMatchObject({ kind: 'closed' })
  expect(await poll).toBe('time')
  disk.finish()
  await first
  await disk.asked()
  disk.finish()
  await second
  await closed
  const again = open({ directory: storage.directory, migrations: storage.migrations })
  expect(notesOf(again.reader)).toEqual([1, 2])
})
