import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { repairRestored } from '../../src/operations/backup/restored-database.ts'
import { systemTimers } from '../../src/platform/clock.ts'
import { createWorld, federating, type TestServer, type TestUser } from '../support/world.ts'

const client = '/_matrix/client/v3'
const migrations = join(import.meta.dirname, '..', '..', 'drizzle')

/** What a restore makes of a copy of the database, in a directory of its own. */
async function restored(server: TestServer, lostSince: number, restoredAt: number, copy: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'hausbote-restored-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  copyFileSync(copy, join(directory, 'hausbote.db'))
  copyFileSync(join(server.directory, 'signing.key'), join(directory, 'signing.key'))
  const known = { serverName: 'a.test', snapshot: 'x', lostSince, restoredAt, events: 0, users: 0, files: 0, bytes: 0 }
  await repairRestored({ directory, migrations, timers: systemTimers }, known, async () => 0)
  return directory
}

test('after a restore the partners are asked for what was lost, what was said here among it', async () => {
  const world = await createWorld()
  const [a, b, c] = [
    await world.server('a.test', federating),
    await world.server('b.test', federating),
    await world.server('c.test', federating),
  ]
  const [alice, bert, carla] = [await a.register('alice'), await b.register('bert'), await c.register('carla')]
  const makeRoom = async (guest: TestUser, preset: string) => {
    const { room_id } = (await alice.request('POST', `${client}/createRoom`, { invite: [guest.userId], preset })).body
    const joined = await guest.request('POST', `${client}/join/${encodeURIComponent(room_id)}?via=a.test`, {})
    expect(joined.status).toBe(200)
    return encodeURIComponent(room_id)
  }
  const [one, two] = [await makeRoom(bert, 'private_chat'), await makeRoom(carla, 'public_chat')]
  const say = (user: TestUser, room: string, body: string) =>
    user.request('PUT', `${client}/rooms/${room}/send/m.room.message/${body}`, { msgtype: 'm.text', body })
  const heard = async (user: TestUser, room: string): Promise<string[]> => {
    const { chunk } = (await user.request('GET', `${client}/rooms/${room}/messages?dir=b&limit=50`)).body
    return chunk.flatMap(({ content }: { content: { body?: string } }) => content.body ?? []).sort()
  }
  await say(alice, one, 'before')
  await expect.poll(() => heard(bert, one)).toEqual(['before'])
  await a.settled()
  const lostSince = world.clock.now()
  const copy = join(a.directory, 'copy.db')
  await a.app.storage.backup(copy)

  await say(alice, one, 'mine')
  await expect.poll(() => heard(bert, one)).toEqual(['before', 'mine'])
  await say(bert, one, 'yours')
  await say(carla, two, 'other room')
  await expect.poll(() => heard(alice, one)).toEqual(['before', 'mine', 'yours'])
  await expect.poll(() => heard(alice, two)).toEqual(['other room'])
  await world.clock.advance(60_000)

  world.network.cut('c.test')
  await a.restart({ HAUSBOTE_DATA_DIR: await restored(a, lostSince, world.clock.now(), copy) })
  expect(await heard(alice, one)).toEqual(['before'])
  const { jobs } = a.app.operations
  const due = () => jobs.states().find(({ name }) => name === 'catch-up')?.due
  expect(due()).toBe(true)
  expect(await jobs.run('catch-up')).toMatchObject({ result: 'failed', detail: { problem: '1 of 2 rooms had no answer yet.' } })
  expect(await heard(alice, one)).toEqual(['before', 'mine', 'yours'])
  expect(due()).toBe(true)

  world.network.host('c.test', async (request) => (await c.app.federation?.fetch(request)) ?? new Response(null, { status: 502 }))
  await world.clock.advance(3_600_000)
  expect(await jobs.run('catch-up')).toMatchObject({ result: 'done', detail: { rooms: 2, events: 1, unanswered: 0 } })
  expect(await heard(alice, two)).toEqual(['other room'])
  expect(due()).toBe(false)
  // And the rooms go on.
  expect((await say(alice, one, 'zuletzt')).status).toBe(200)
  await expect.poll(() => heard(bert, one)).toEqual(['before', 'mine', 'yours', 'zuletzt'])
})

test('a server that was never restored has nothing to catch up on', async () => {
  const world = await createWorld()
  const a = await world.server('a.test', federating)
  expect(a.app.operations.jobs.states().find(({ name }) => name === 'catch-up')?.due).toBe(false)
})
