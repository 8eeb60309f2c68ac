import { describe, expect, test } from 'vitest'
import { createRetries, retryDelay } from '../../src/federation/retry.ts'
import { createOutageWatch } from '../../src/federation/sender-outage.ts'
import { createPlaces } from '../../src/federation/sender-places.ts'
import { handMovedClock } from '../support/clock.ts'
import { seededRandom } from '../support/random.ts'
import { b, name, numbered } from './sender-kit.ts'

const minute = 60_000
const hour = 60 * minute

test('the pause doubles from five seconds to an hour, up to a quarter less by chance', () => {
  expect([1, 2, 3, 4].map((failures) => retryDelay(failures, 0))).toEqual([5000, 10_000, 20_000, 40_000])
  expect([10, 11, 12, 100, 5000].map((failures) => retryDelay(failures, 0))).toEqual([2_560_000, hour, hour, hour, hour])
  expect([1, 5000].map((failures) => retryDelay(failures, 1))).toEqual([3750, 0.75 * hour])
})

describe('the memory of servers that fail', () => {
  function setUp() {
    const clock = handMovedClock()
    const retries = createRetries({ clock, random: seededRandom('retries') })
    const shorter: string[] = []
    retries.onShorter((server) => shorter.push(server))
    const failUntil = async (count: number) => {
      while (retries.failures(b) < count) {
        await clock.advance(retries.pause(b))
        retries.failed(b)
      }
    }
    return { clock, retries, shorter, failUntil }
  }

  test('requests that fail together count once, and only those that failed are spared', async () => {
    const { retries, clock } = setUp()
    for (let time = 0; time < 10; time += 1) retries.failed(b)
    expect(retries.failures(b)).toBe(1)
    expect(retries.pause(b)).toBeGreaterThanOrEqual(3750)
    expect(retries.wait(b)).toBe(retries.pause(b))
    expect([retries.pause(name('c.test')), retries.wait(name('c.test'))]).toEqual([0, 0])
    await clock.advance(5000)
    expect([retries.pause(b), retries.wait(b), retries.failures(b)]).toEqual([0, 0, 1])
  })

  test('requests that somebody waits for are refused for a minute, sending pauses for an hour', async () => {
    const { retries, failUntil, clock } = setUp()
    await failUntil(12)
    expect(retries.pause(b)).toBeGreaterThanOrEqual(0.75 * hour)
    expect(retries.wait(b)).toBe(minute)
    await clock.advance(minute)
    expect(retries.wait(b)).toBe(0)
    retries.failed(b)
    expect([retries.wait(b), retries.failures(b)]).toEqual([minute, 12])
  })

  test('who answers is reached; who refuses what is sent must take it', async () => {
    const { retries, shorter } = setUp()
    retries.failed(b)
    retries.succeeded(b)
    expect([retries.failures(b), shorter]).toEqual([0, [b]])
    retries.refused(b)
    retries.succeeded(b)
    expect([retries.failures(b), retries.wait(b)]).toEqual([1, 0])
    expect(retries.pause(b)).toBeGreaterThan(0)
    retries.accepted(b)
    expect([retries.failures(b), retries.pause(b)]).toEqual([0, 0])
  })

  test('a server that is heard from waits no longer than half a minute, and its failures still count', async () => {
    const { retries, failUntil, clock, shorter } = setUp()
    retries.heardFrom(b)
    expect(shorter).toEqual([])
    await failUntil(12)
    retries.heardFrom(b)
    retries.heardFrom(b)
    expect([retries.pause(b), retries.failures(b), shorter]).toEqual([30_000, 12, [b]])
    await clock.advance(30_000)
    retries.failed(b)
    expect(retries.pause(b)).toBeGreaterThanOrEqual(0.75 * hour)
    await clock.advance(minute)
    retries.heardFrom(b)
    expect(retries.pause(b)).toBe(0)
  })

  test('remembers a bounded number of servers', () => {
    const { retries } = setUp()
    for (const server of numbered('s', 10_001)) retries.failed(name(server))
    expect([retries.failures(name('s0')), retries.failures(name('s1')), retries.failures(name('s10000'))]).toEqual([0, 1, 1])
  })
})

describe('places', () => {
  test('are given in order, and never more than there are', async () => {
    const places = createPlaces({ timers: handMovedClock(), atOnce: 3 })
    const order: number[] = []
    let now = 0
    let most = 0
    const task = (number: number) => async () => {
      order.push(number)
      now += 1
      most = Math.max(most, now)
      await new Promise((resolve) => setImmediate(resolve))
      now -= 1
      if (number % 2) throw new Error('failed')
    }
    const tasks = Array.from({ length: 20 }, (_, number) => places(task(number)))
    // Those that come while one ends must not overtake.
    const late = tasks[0]?.then(() => places(task(20)))
    const results = await Promise.allSettled([...tasks, late])
    expect(order).toEqual(Array.from({ length: 21 }, (_, number) => number))
    expect(most).toBe(3)
    expect(results.filter(({ status }) => status === 'rejected').length).toBe(10)
  })

  test('those that are slow make room, up to a bound', async () => {
    const clock = handMovedClock()
    const places = createPlaces({ timers: clock, atOnce: 2, patience: 1000, most: 5 })
    let begun = 0
    const finish: (() => void)[] = []
    const slow = () =>
      places(() => {
        begun += 1
        return new Promise<void>((resolve) => finish.push(resolve))
      })
    const tasks = Array.from({ length: 8 }, slow)
    expect(begun).toBe(0)
    await clock.advance(0)
    await new Promise((resolve) => setImmediate(resolve))
    expect(begun).toBe(2)
    for (const expected of [4, 5, 5]) {
      await clock.advance(1000)
      expect(begun).toBe(expected)
    }
    for (let done = 0; done < 8; done += 1) {
      finish[done]?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(tasks)
    expect(begun).toBe(8)
  })
})

describe('an outage of this server', () => {
  const c = name('c.test')
  test('is seen by several servers that fail in a row, and is over with the first that answers', async () => {
    const clock = handMovedClock()
    const watch = createOutageWatch(clock)
    watch.failed(b)
    await clock.advance(minute)
    watch.failed(c)
    expect(watch.succeeded()).toEqual([b, c])
    expect(watch.succeeded()).toEqual([])
  })

  test('is none where others answer in between, or where it is short', async () => {
    const clock = handMovedClock()
    const watch = createOutageWatch(clock)
    watch.failed(b)
    await clock.advance(minute)
    expect(watch.succeeded()).toEqual([])
    watch.failed(c)
    await clock.advance(minute)
    expect(watch.succeeded()).toEqual([])
    watch.failed(b)
    watch.failed(c)
    await clock.advance(minute - 1)
    expect(watch.succeeded()).toEqual([])
  })
})
