import { expect, test } from 'vitest'
import { runJob } from '../../src/operations/jobs.ts'
import { capturedLog } from '../support/log.ts'
import { createWorld } from '../support/world.ts'

test('a job that fails is logged by name and does no more harm', async () => {
  const { log, lines } = capturedLog()
  await runJob({ name: 'broken', when: '0 0 * * *', run: () => Promise.reject(new Error('no')) }, log)
  expect(lines).toMatchObject([{ level: 50, job: 'broken', err: { message: 'no' } }])
})

test('what a night has to do is possible on a server in use', async () => {
  const world = await createWorld()
  const server = await world.server('a.test')
  const alice = await server.register('alice')
  const room = (await alice.request('POST', '/_matrix/client/v3/createRoom', {})).body.room_id
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}`
  await alice.request('PUT', `${path}/state/m.room.name`, { name: 'one' })
  const before = (await alice.request('GET', `${path}/state`)).body
  const { log, lines } = capturedLog()
  for (const job of server.app.jobs) await runJob(job, log)
  expect(lines.map(({ level }) => level)).toEqual(server.app.jobs.map(() => 30))
  await server.restart()
  expect((await alice.request('GET', `${path}/state`)).body).toEqual(before)
})
