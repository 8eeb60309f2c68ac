// How work is observed: its latencies, and what it cost the server, this generator and the disk.

import { setTimeout as sleep } from 'node:timers/promises'
import { machineBusySeconds } from './machine.mjs'
import { createTimings } from './timings.mjs'

/**
 * Runs `act(timings)` and gives one result: the summary of the timings, the costs, and whatever `act` returns.
 * `result.rate` counts successes per second of the whole act.
 */
export async function observe(target, label, act) {
  const timings = createTimings()
  const before = target.facts()
  const generator = process.cpuUsage()
  const machine = machineBusySeconds()
  const began = performance.now()
  const extra = await act(timings)
  const seconds = (performance.now() - began) / 1000
  const busy = machineBusySeconds() - machine
  const { user, system } = process.cpuUsage(generator)
  const after = target.facts()

  const generatorSeconds = (user + system) / 1e6
  const result = { label, ...timings.summary(seconds), generatorCores: generatorSeconds / seconds }
  if (before.process) {
    const serverSeconds = after.process.cpuSeconds - before.process.cpuSeconds
    Object.assign(result, {
      serverCores: serverSeconds / seconds,
      otherCores: Math.max(0, busy - serverSeconds - generatorSeconds) / seconds,
      cpuSecondsPer1000: (serverSeconds / result.n) * 1000,
      memory: { before: before.process.pssBytes, after: after.process.pssBytes, rss: after.process.rssBytes },
    })
  }
  if (before.database) {
    const grown = after.database.bytes - before.database.bytes
    result.database = { grown, log: after.database.log - before.database.log, bytesPer1000: (grown / result.n) * 1000 }
  }
  return { ...result, ...extra }
}

/**
 * `lanes` loops at once, each asking again as soon as it is answered, until `count` answers or `seconds` are over.
 * `work(lane, index)` makes one request. The first `warmUp` requests of each lane are not counted.
 */
export async function closedLoop(target, label, { lanes = 1, count = Infinity, seconds = 10, warmUp = 0, work }) {
  await inLanes(lanes, async (lane) => {
    for (let index = 0; index < warmUp; index++) await work(lane, -1)
  })
  return observe(target, label, async (timings) => {
    const deadline = performance.now() + seconds * 1000
    let next = 0
    await inLanes(lanes, async (lane) => {
      while (next < count && performance.now() < deadline) {
        const index = next++
        try {
          timings.record(await work(lane, index))
        } catch (error) {
          timings.fail(error.code ?? error.message)
        }
      }
    })
  })
}

const inLanes = (lanes, run) => Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)))

/** Maps with at most `width` promises under way; any failure fails the whole. */
export async function mapWide(items, width, map) {
  const results = new Array(items.length)
  let next = 0
  await inLanes(Math.min(width, items.length), async () => {
    while (next < items.length) {
      const index = next++
      results[index] = await map(items[index], index)
    }
  })
  return results
}

/** Starts one promise for each item, `perSecond` a second, and does not wait for them: many clients do not connect in one instant. */
export async function paced(items, perSecond, start) {
  const began = performance.now()
  const promises = []
  for (const [index, item] of items.entries()) {
    const early = began + (index / perSecond) * 1000 - performance.now()
    if (early > 0) await sleep(early)
    promises.push(start(item, index))
  }
  return promises
}

/** Waits until the server has been nearly idle for a second, at most `limit` ms; without process ids, five seconds. */
export async function settled(target, limit = 60_000) {
  if (target.cpuSeconds() === undefined) return sleep(5000)
  await calm(() => target.cpuSeconds(), 0.06, limit)
}

/** Waits until everything on this machine but these targets has used less than a quarter of a core for a second. */
export async function quietMachine(targets, limit) {
  await calm(
    () => {
      const { user, system } = process.cpuUsage()
      return machineBusySeconds() - (user + system) / 1e6 - targets.reduce((sum, target) => sum + (target.cpuSeconds() ?? 0), 0)
    },
    0.25,
    limit,
  )
}

/** Waits until what `cpuSeconds` counts has stayed below so many cores for a second. */
async function calm(cpuSeconds, cores, limit) {
  const interval = 0.5
  const deadline = performance.now() + limit
  for (let quiet = 0; quiet < 2 && performance.now() < deadline; ) {
    const before = cpuSeconds()
    await sleep(interval * 1000)
    quiet = cpuSeconds() - before < cores * interval ? quiet + 1 : 0
  }
}
