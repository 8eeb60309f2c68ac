import { expect, test } from 'vitest'
import type { WakeKey } from '../../src/storage/handles.ts'
import { createWaiters } from '../../src/storage/waiters.ts'
import { handMovedClock } from '../support/clock.ts'
import { watch } from './kit.ts'

test('each wait ends once, for its own reason, and leaves nothing behind', async () => {
  const clock = handMovedClock()
  const waiters = createWaiters(clock)
  const controller = new AbortController()
  const woken = waiters.wait(['user/@a:x', 'room/1'], 1000, undefined)
  const late = waiters.wait(['room/2'], 1000, undefined)
  const gone = waiters.wait(['room/2'], 1000, controller.signal)
  const left = waiters.wait(['room/3'], 5000, undefined)
  const state = watch(left)
  expect(waiters.count).toBe(4)
  waiters.wake(['room/1', 'user/@a:x', 'room/99'])
  controller.abort()
  await clock.advance(1000)
  expect(await Promise.all([woken, late, gone])).toEqual(['woken', 'time', 'aborted'])
  expect(state.state).toBe('pending')
  expect(waiters.count).toBe(1)
  waiters.wake(['room/1', 'room/2'])
  waiters.close()
  expect(await left).toBe('time')
  expect(waiters.count).toBe(0)
  expect(await waiters.wait(['room/1'], 1000, undefined)).toBe('time')
})

test('a signal that was aborted before is noticed', async () => {
  const waiters = createWaiters(handMovedClock())
  expect(await waiters.wait(['room/1'], 1000, AbortSignal.abort())).toBe('aborted')
  expect(waiters.count).toBe(0)
})

test('waiting, waking and leaving touch only those concerned, however many wait', async () => {
  let touched = 0
  const timers = {
    after() {
      touched += 1
      return () => {
        touched += 1
      }
    },
  }
  const waiters = createWaiters(timers)
  const ended: string[] = []
  for (let user = 0; user < 10_000; user += 1) {
    void waiters.wait([`user/@${user}:x`], 1000, undefined).then(() => ended.push(`${user}`))
  }
  expect(touched).toBe(10_000)
  touched = 0
  // An iterable that counts how often its keys are looked at.
  let asked = 0
  function* keys(): Iterable<WakeKey> {
    asked += 1
    yield 'user/@5000:x'
  }
  waiters.wake(keys())
  await Promise.resolve()
  expect(ended).toEqual(['5000'])
  expect(touched).toBe(1)
  expect(asked).toBe(1)
  expect(waiters.count).toBe(9_999)
})

test('many who wait for the same are woken a few at a time, so that others are served in between', async () => {
  const waiters = createWaiters(handMovedClock())
  const ended: number[] = []
  const all = Array.from({ length: 100 }, (_, index) =>
    waiters.wait(['room/1'], 1000, undefined).then((reason) => {
      expect(reason).toBe('woken')
      ended.push(index)
    }),
  )
  waiters.wake(['room/1'])
  await Promise.resolve()
  await Promise.resolve()
  expect(ended.length).toBeGreaterThan(0)
  expect(ended.length).toBeLessThan(50)
  await Promise.all(all)
  expect(ended).toEqual(Array.from({ length: 100 }, (_, index) => index))
  expect(waiters.count).toBe(0)
})
