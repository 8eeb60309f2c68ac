import { expect, test } from 'vitest'
import { interruptRuns, recentRuns } from '../../src/operations/job-runs.ts'
import { createJobs, type Job } from '../../src/operations/jobs.ts'
import { handMovedClock } from '../support/clock.ts'
import { capturedLog } from '../support/log.ts'
import { createWorld } from '../support/world.ts'

async function kit(job: Pick<Job, 'run'>) {
  const world = await createWorld()
  const { storage } = (await world.server('a.test')).app
  const clock = handMovedClock()
  const { log, lines } = capturedLog()
  const jobs = createJobs([{ name: 'work', when: '0 0 * * *', ...job }], { storage, clock, timers: clock, log })
  return { storage, clock, lines, jobs }
}

test('a job that fails is logged and kept by name, and does no more harm', async () => {
  const { jobs, lines } = await kit({ run: () => Promise.reject(Object.assign(new Error('no'), { kind: 'sad' })) })
  const run = await jobs.run('work')
  expect(run).toMatchObject({ name: 'work', result: 'failed', detail: { kind: 'sad', problem: 'no' } })
  expect(lines).toMatchObject([{ level: 50, job: 'work', err: { message: 'no' } }])
  expect(jobs.states()).toEqual([{ name: 'work', when: '0 0 * * *', due: true, last: run, lastSuccess: undefined }])
  expect(jobs.run('leisure')).toBeUndefined()
})

test('a run is seen while it lasts, once, and afterwards with its duration and what it found', async () => {
  let finish: (found: object) => void = () => undefined
  const { jobs, clock } = await kit({ run: () => new Promise((resolve) => (finish = resolve)) })
  const first = jobs.run('work')
  expect(jobs.run('work')).toBe(first)
  const startedAt = clock.now()
  await expect
    .poll(() => jobs.states()[0]?.last)
    .toEqual({ name: 'work', startedAt, duration: null, result: 'running', detail: null })
  await clock.advance(1500)
  finish({ found: 3 })
  expect(await first).toEqual({ name: 'work', startedAt, duration: 1500, result: 'done', detail: { found: 3 } })
  expect(jobs.states()[0]?.lastSuccess).toEqual(await first)
})

test('a run that the process did not survive is told from one that lasts', async () => {
  const { jobs, storage, clock } = await kit({ run: () => new Promise(() => undefined) })
  void jobs.run('work')
  await expect.poll(() => jobs.states()[0]?.last?.result).toBe('running')
  const next = createJobs([{ name: 'work', when: '0 0 * * *', run: () => Promise.resolve() }], {
    storage,
    clock,
    timers: clock,
    log: capturedLog().log,
  })
  await storage.write(interruptRuns)
  expect(next.states()[0]?.last?.result).toBe('interrupted')
})

test('a stop asks what runs to end, and waits for it', async () => {
  const { jobs } = await kit({
    run: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))),
  })
  const run = jobs.run('work')
  await expect.poll(() => jobs.states()[0]?.last?.result).toBe('running')
  await jobs.stop()
  expect(await run).toMatchObject({ result: 'interrupted' })
})

test('a job that does not end does not keep the server from stopping', async () => {
  const { jobs, clock } = await kit({ run: () => new Promise(() => undefined) })
  void jobs.run('work')
  await expect.poll(() => jobs.states()[0]?.last?.result).toBe('running')
  const stopped = jobs.stop()
  await clock.advance(5000)
  expect(jobs.states()[0]?.last?.result).toBe('running')
  await clock.advance(2000)
  await stopped
  expect(jobs.states()[0]?.last?.result).toBe('interrupted')
})

test('of many runs the newest are kept, and the last success, also when the clock is set back', async () => {
  let fails = false
  const { jobs, storage } = await kit({ run: () => (fails ? Promise.reject(new Error('no')) : Promise.resolve('well')) })
  const success = await jobs.run('work')
  fails = true
  for (let count = 0; count < 80; count += 1) await jobs.run('work')
  const kept = recentRuns(storage.reader, 'work', 1000)
  expect(kept).toHaveLength(61)
  expect(kept.at(-1)).toEqual(success)
  expect(jobs.states()[0]?.lastSuccess).toEqual(success)
})

test('what a night has to do is possible on a server in use', async () => {
  const world = await createWorld()
  const server = await world.server('a.test')
  const alice = await server.register('alice')
  const room = (await alice.request('POST', '/_matrix/client/v3/createRoom', {})).body.room_id
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}`
  await alice.request('PUT', `${path}/state/m.room.name`, { name: 'one' })
  const before = (await alice.request('GET', `${path}/state`)).body
  const { jobs } = server.app.operations
  const unattended = jobs.states().filter(({ due }) => due)
  expect(unattended.map(({ name }) => name)).toContain('unused states')
  for (const { name } of unattended) expect(await jobs.run(name)).toMatchObject({ name, result: 'done' })
  await server.restart()
  expect((await alice.request('GET', `${path}/state`)).body).toEqual(before)
})
