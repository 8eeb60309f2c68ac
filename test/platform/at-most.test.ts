import { expect, test } from 'vitest'
import { atMost } from '../../src/platform/at-most.ts'

function counted(run: ReturnType<typeof atMost>) {
  let running = 0
  const seen: number[] = []
  const order: string[] = []
  const task = (name: string) =>
    run(async () => {
      running += 1
      seen.push(running)
      order.push(name)
      await Promise.resolve()
      running -= 1
    })
  return { seen, order, task }
}

test('never more run at once, and the others keep their order', async () => {
  const { seen, order, task } = counted(atMost(2))
  // One that comes just as another ends does not slip in beside the one that waited.
  const first = task('a').then(() => task('e'))
  await Promise.all([first, task('b'), task('c'), task('d')])
  expect(order).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(Math.max(...seen)).toBe(2)
})

test('a task that fails makes room for the next', async () => {
  const run = atMost(1)
  const failing = run(() => Promise.reject(new Error('no')))
  const next = run(() => Promise.resolve('done'))
  await expect(failing).rejects.toThrow('no')
  expect(await next).toBe('done')
})

test('beyond those that may wait, a task is refused and not run', async () => {
  const run = atMost(1, { waiting: 1, refusal: () => new Error('too many') })
  const both = Promise.all([run(() => Promise.resolve(1)), run(() => Promise.resolve(2))])
  await expect(run(() => Promise.reject(new Error('run')))).rejects.toThrow('too many')
  expect(await both).toEqual([1, 2])
})
