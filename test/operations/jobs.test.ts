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
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/m.room.message/1`
  const first = await alice.request('PUT', path, { msgtype: 'm.text', body: 'one' })
  const { log, lines } = capturedLog()
  for (const job of server.app.jobs) await runJob(job, log)
  expect(lines.map(({ level }) => level)).toEqual(server.app.jobs.map(() => 30))
  expect((await alice.request('PUT', path, { msgtype: 'm.text', body: 'one' })).body).toEqual(first.body)
  await world.clock.advance(31 * 24 * 3600 * 1000)
  for (const job of server.app.jobs) await runJob(job, log)
  const late = await alice.request('PUT', path, { msgtype: 'm.text', body: 'one' })
  expect(late.body.event_id).not.toBe(first.body.event_id)
})
